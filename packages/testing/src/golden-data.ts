// Reads the golden fixtures: cases in JSON, their tensors in safetensors files, both compressed.
// What to do with a case is golden.ts. The reader is its own, so that it tests nothing of ours.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { type DType, type TypedArray, arrayType } from "@flambeau/core/extension";

/** How a tensor is written in a case; `dtype` is PyTorch's name, maybe one that Flambeau lacks. */
export interface TensorRecord {
  readonly $t: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly grad?: boolean;
  /** `[rtol, atol]`; integers and bools are exact. */
  readonly tol?: readonly [number, number];
  readonly compare?: "exact" | "abs" | "skip";
}

/** An expected value that is not a tensor. */
export interface PlainRecord {
  readonly $v: unknown;
}

export type Encoded = unknown;

export interface FunctionCase {
  readonly id: string;
  readonly fn: string;
  readonly args: readonly Encoded[];
  readonly kwargs: { readonly [name: string]: Encoded };
  readonly out: readonly (TensorRecord | PlainRecord)[];
  /** Gradients of outputs, by their position. */
  readonly grad_out?: { readonly [position: string]: TensorRecord };
  /** Gradients of inputs, by their path; null where there is none. */
  readonly grad?: { readonly [path: string]: TensorRecord | null };
  /** PyTorch raises. */
  readonly throws?: boolean;
  /** Only for comparing PyTorch versions. */
  readonly xcheck?: boolean;
}

/** A tensor's elements, row-major; complex numbers are floats with one more axis, of size 2. */
export interface GoldenTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export interface GoldenGroup<Case = FunctionCase> {
  readonly group: string;
  readonly kind?: string;
  readonly cases: readonly Case[];
  readonly tensors: ReadonlyMap<string, GoldenTensor>;
}

const folder = path.join(import.meta.dirname, "../fixtures/golden");

const unpacked = (file: string): Buffer => gunzipSync(readFileSync(path.join(folder, file)));

/** Names of the groups in the fixtures. */
export const goldenGroups = (): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".safetensors.gz"))
    .map((file) => file.replace(".safetensors.gz", ""));

/** A JSON file of the fixtures. */
export const goldenJson = (name: string): unknown =>
  JSON.parse(unpacked(`${name}.json.gz`).toString());

/** A group with its tensors; those of dtypes that Flambeau lacks are left out. */
export function goldenGroup<Case = FunctionCase>(name: string): GoldenGroup<Case> {
  const manifest = goldenJson(name) as Omit<GoldenGroup<Case>, "tensors">;
  return { ...manifest, tensors: readTensors(unpacked(`${name}.safetensors.gz`)) };
}

const dtypeNames: Readonly<Record<string, DType | undefined>> = {
  F32: "float32",
  F64: "float64",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** A number of 16 bits by its definition: sign, exponent, fraction. */
function halfOf(word: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const exponents = 2 ** exponentBits;
  const bias = exponents / 2 - 1;
  const exponent = Math.floor(word / 2 ** fractionBits) % exponents;
  const fraction = (word % 2 ** fractionBits) / 2 ** fractionBits;
  const sign = word >= 2 ** 15 ? -1 : 1;
  if (exponent === exponents - 1) return fraction === 0 ? sign * Infinity : NaN;
  const isNormal = exponent > 0;
  return sign * 2 ** ((isNormal ? exponent : 1) - bias) * (fraction + Number(isNormal));
}

/** Elements as `data()` of a tensor gives them. */
function elementsOf(bytes: ArrayBuffer, dtype: DType): TypedArray {
  if (dtype !== "float16" && dtype !== "bfloat16") return new (arrayType(dtype))(bytes);
  const exponentBits = dtype === "float16" ? 5 : 8;
  return Float32Array.from(new Uint16Array(bytes), (word) => halfOf(word, exponentBits));
}

function readTensors(file: Buffer): Map<string, GoldenTensor> {
  const headerSize = Number(file.readBigUInt64LE(0));
  const start = 8 + headerSize;
  const header = JSON.parse(file.toString("utf8", 8, start)) as { [name: string]: Entry };
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, { dtype: code, shape, data_offsets }] of Object.entries(header)) {
    const dtype = dtypeNames[code];
    if (name === "__metadata__" || dtype === undefined) continue;
    const [from, to] = data_offsets;
    const bytes = Uint8Array.from(file.subarray(start + from, start + to));
    tensors.set(name, { dtype, shape, data: elementsOf(bytes.buffer, dtype) });
  }
  return tensors;
}
