// The header of a safetensors file: 8 bytes of length, then JSON that names dtype, shape and place of
// each tensor. Everything a file claims is checked here, before anything is allocated for it.
import { type DType, FormatError } from "@flambeau/core";
import { parseStrictJson } from "./strict-json.ts";

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** First byte and byte after the last, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their bytes. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the tensors' bytes start in the file. */
  readonly dataStart: number;
}

/** Size of the number in front of the header. */
export const prefixSize = 8;
/** The format's own limit; it bounds what a reader parses. */
export const headerLimit = 100_000_000;

interface Element {
  readonly dtype: DType;
  readonly bytes: number;
}

/** In the order in which writers of the format place tensors. */
const elements: Readonly<Record<string, Element>> = {
  U64: { dtype: "uint64", bytes: 8 },
  I64: { dtype: "int64", bytes: 8 },
  F64: { dtype: "float64", bytes: 8 },
  C64: { dtype: "complex64", bytes: 8 },
  F32: { dtype: "float32", bytes: 4 },
  U32: { dtype: "uint32", bytes: 4 },
  I32: { dtype: "int32", bytes: 4 },
  BF16: { dtype: "bfloat16", bytes: 2 },
  F16: { dtype: "float16", bytes: 2 },
  U16: { dtype: "uint16", bytes: 2 },
  I16: { dtype: "int16", bytes: 2 },
  I8: { dtype: "int8", bytes: 1 },
  U8: { dtype: "uint8", bytes: 1 },
  BOOL: { dtype: "bool", bytes: 1 },
};

/** The format's name of a dtype, and its element size. */
export const formatNames = new Map(
  Object.entries(elements).map(([name, { dtype, bytes }]) => [dtype, { name, bytes }] as const),
);

const fail = (message: string): FormatError => new FormatError(`safetensors: ${message}`);

/** Length of the header, from the first eight bytes of a file of `fileSize` bytes. */
export function headerLength(prefix: Uint8Array, fileSize: number): number {
  if (fileSize < prefixSize || prefix.length < prefixSize) {
    throw fail(
      `a file starts with ${prefixSize} bytes that give its header's length; this one has ` +
        `${fileSize} byte${fileSize === 1 ? "" : "s"}. It is empty or cut off.`,
    );
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(headerLimit)) {
    throw fail(
      `the header claims ${length} bytes; at most ${headerLimit} are allowed. This is probably not ` +
        `a safetensors file.`,
    );
  }
  if (Number(length) > fileSize - prefixSize) {
    throw fail(
      `the header claims ${length} bytes, but only ${fileSize - prefixSize} follow. The file is ` +
        `cut off, or not a safetensors file.`,
    );
  }
  return Number(length);
}

/** Parses and verifies the JSON header of a file whose tensors take `dataSize` bytes. */
export function parseHeader(bytes: Uint8Array, dataSize: number): SafetensorsHeader {
  if (bytes[0] !== 0x7b)
    throw fail(`the header must start with "{". This is not a safetensors file.`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new FormatError("safetensors: the header is not UTF-8 text.", { cause: error });
  }
  const header = parseStrictJson(text);
  if (!isRecord(header)) throw fail("the header must be a JSON object.");
  let metadata: Record<string, string> = {};
  const entries: SafetensorsEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata = checkMetadata(value);
    else entries.push(checkEntry(name, value, dataSize));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  requireGapless(entries, dataSize);
  return { entries, metadata, dataStart: prefixSize + bytes.length };
}

/** The verified header of a whole file in memory. */
export function readSafetensorsHeader(bytes: Uint8Array): SafetensorsHeader {
  const length = headerLength(bytes.subarray(0, prefixSize), bytes.length);
  const dataStart = prefixSize + length;
  return parseHeader(bytes.subarray(prefixSize, dataStart), bytes.length - dataStart);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function checkMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw fail("__metadata__ must be an object of strings.");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === "string") continue;
    throw fail(`__metadata__ may hold strings only; ${JSON.stringify(key)} is ${show(text)}.`);
  }
  return value as Record<string, string>;
}

/** JSON of a value for a message, cut where it is long. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);

/** `undefined` where the product leaves the safe integers. */
function byteCount(shape: readonly number[], elementSize: number): number | undefined {
  let size = elementSize;
  for (const length of shape) {
    size *= length;
    if (!isCount(size)) return undefined;
  }
  return size;
}

function checkEntry(name: string, value: unknown, dataSize: number): SafetensorsEntry {
  const label = `tensor ${JSON.stringify(name)}`;
  if (!isRecord(value)) throw fail(`${label} must be described by an object, got ${show(value)}.`);
  const { dtype, shape, data_offsets: offsets } = value;
  const element = typeof dtype === "string" && Object.hasOwn(elements, dtype) && elements[dtype];
  if (!element) {
    throw fail(
      `${label} has dtype ${show(dtype)}. Supported: ${Object.keys(elements).join(", ")}. ` +
        `Convert it before saving.`,
    );
  }
  if (!Array.isArray(shape) || !(shape as unknown[]).every(isCount)) {
    throw fail(`${label}: shape must be a list of non-negative integers, got ${show(shape)}.`);
  }
  const size = byteCount(shape, element.bytes);
  if (size === undefined) {
    throw fail(`${label}: shape ${show(shape)} has more elements than can be counted.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw fail(`${label}: data_offsets must be [begin, end], got ${show(offsets)}.`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw fail(`${label}: data_offsets begin at ${begin} after their end ${end}.`);
  if (end > dataSize) {
    throw fail(
      `${label} ends at byte ${end}, but the file holds ${dataSize} bytes of data. It is cut off.`,
    );
  }
  if (end - begin !== size) {
    throw fail(
      `${label}: ${show(dtype)} of shape ${show(shape)} takes ${size} bytes, but data_offsets ` +
        `[${begin}, ${end}] give ${end - begin}.`,
    );
  }
  return { name, dtype: element.dtype, shape, begin, end };
}

/** The tensors must cover the data exactly, each byte once. */
function requireGapless(entries: readonly SafetensorsEntry[], dataSize: number): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const problem = begin < covered ? "overlaps the tensor before it" : "leaves a hole before it";
      throw fail(
        `tensor ${JSON.stringify(name)} ${problem}: it begins at byte ${begin}, expected ${covered}.`,
      );
    }
    covered = end;
  }
  if (covered !== dataSize) {
    throw fail(`${dataSize - covered} bytes after the last tensor belong to none.`);
  }
}
