// Safetensors: round trips, the exact bytes of the format, and files on disk. Bad files are in
// bad-files.test.ts.
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DType, FormatError, type Tensor, device as findDevice, dtypes, tensor, zeros } from "@flambeau/core"; // prettier-ignore
import { byteSize, fromBytes } from "@flambeau/core/extension";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  loadSafetensors,
  readSafetensors,
  readSafetensorsHeader,
  saveSafetensors,
  writeSafetensors,
} from "../index.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "safetensors-"))));
afterAll(() => rm(folder, { recursive: true }));

const device = "reference";
const shapes = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
/** The format has no complex128. */
const saved = dtypes.filter((dtype) => dtype !== "complex128");

const anyTensor = fc.tuple(fc.constantFrom<DType>(...saved), shapes).chain(([dtype, shape]) => {
  const size = sizeOf(shape) * byteSize(dtype);
  return fc
    .uint8Array({ minLength: size, maxLength: size, max: dtype === "bool" ? 1 : 255 })
    .map((bytes) => fromBytes(bytes, shape, dtype, findDevice(device)));
});

const files = fc.record({
  tensors: fc.dictionary(fc.string({ unit: "binary" }), anyTensor, { maxKeys: 6 }),
  metadata: fc.dictionary(fc.string(), fc.string({ unit: "grapheme" }), { maxKeys: 3 }),
});

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function expectSame(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name]!;
    expect([got.dtype, got.shape]).toEqual([wanted.dtype, wanted.shape]);
    expect(bytesOf(got.dataSync())).toEqual(bytesOf(wanted.dataSync()));
  }
}

describe("round trips", () => {
  test("any tensors and metadata come back, from bytes at any alignment", async () => {
    const property = fc.asyncProperty(files, fc.nat({ max: 7 }), async (file, shift) => {
      const bytes = await writeSafetensors(file.tensors, { metadata: file.metadata });
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      const read = readSafetensors(moved.subarray(shift), { device });
      expectSame(read.tensors, file.tensors);
      expect({ ...read.metadata }).toEqual({ ...file.metadata });
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test("through a file", async () => {
    const path = join(folder, "round-trip.safetensors");
    const property = fc.asyncProperty(files, async (file) => {
      await saveSafetensors(path, file.tensors, { metadata: file.metadata });
      const read = await loadSafetensors(path, { device });
      expectSame(read.tensors, file.tensors);
      expect({ ...read.metadata }).toEqual({ ...file.metadata });
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test("views are written as they look", async () => {
    const x = tensor([[1, 2, 3], [4, 5, 6]], { device }); // prettier-ignore
    const bytes = await writeSafetensors({ transposed: x.t(), part: x.slice(1, { start: 1 }) });
    const { tensors } = readSafetensors(bytes, { device });
    expect(tensors.transposed!.toArray()).toEqual([[1, 4], [2, 5], [3, 6]]); // prettier-ignore
    expect(tensors.part!.toArray()).toEqual([[2, 3], [5, 6]]); // prettier-ignore
  });

  test("a name that is a property of every object is a name like others", async () => {
    const tensors = Object.fromEntries([["__proto__", tensor([1], { device })]]);
    const read = readSafetensors(await writeSafetensors(tensors), { device });
    expect(Object.keys(read.tensors)).toEqual(["__proto__"]);
  });
});

test("the bytes are those that the format's first implementation writes", async () => {
  const bytes = await writeSafetensors(
    {
      b: tensor([1, 2], { device }),
      a: tensor([3], { device }),
      flag: tensor([true], { device }),
      long: tensor([5n], { device }),
    },
    { metadata: { format: "pt" } },
  );
  const header =
    '{"__metadata__":{"format":"pt"},"long":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
    '"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},' +
    '"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},' +
    '"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[20,21]}}';
  const length = Math.ceil(header.length / 8) * 8;
  expect(new TextDecoder().decode(bytes.subarray(8, 8 + length))).toBe(header.padEnd(length));
  expect([...bytes.subarray(8 + length, 8 + length + 8)]).toEqual([5, 0, 0, 0, 0, 0, 0, 0]);
  expect(bytes.length).toBe(8 + length + 21);
});

test("the header can be read alone", async () => {
  const bytes = await writeSafetensors({ x: zeros([2, 3], { device }) });
  const { entries, metadata } = readSafetensorsHeader(bytes);
  expect(entries).toEqual([{ name: "x", dtype: "float32", shape: [2, 3], begin: 0, end: 24 }]);
  expect(metadata).toEqual({});
});

describe("saving", () => {
  test("replaces the file as a whole and leaves nothing else behind", async () => {
    const path = join(folder, "replaced.safetensors");
    await saveSafetensors(path, { x: tensor([1], { device }) });
    await saveSafetensors(path, { x: tensor([2], { device }) });
    expect((await loadSafetensors(path, { device })).tensors.x!.toArray()).toEqual([2]);
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  test("a failure leaves the old file and no temporary one", async () => {
    const path = join(folder, "kept.safetensors");
    await writeFile(path, "old");
    const failing = tensor([1], { device });
    failing.withoutHistory = () => {
      const copy = tensor([1], { device });
      copy.bytes = () => Promise.reject(new Error("device lost"));
      return copy;
    };
    await expect(saveSafetensors(path, { failing })).rejects.toThrow("device lost");
    expect(await readFile(path, "utf8")).toBe("old");
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  test("tensors may be disposed of while they are written", async () => {
    const x = tensor([1, 2], { device });
    const saving = writeSafetensors({ x });
    x.dispose();
    expect(readSafetensors(await saving, { device }).tensors.x!.toArray()).toEqual([1, 2]);
  });

  test("metadata must be strings, and its key is reserved", async () => {
    const metadata = { epoch: 3 } as unknown as Record<string, string>;
    await expect(writeSafetensors({}, { metadata })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[FormatError: safetensors: metadata holds strings only; "epoch" is a number. Use JSON.stringify.]`,
    );
    const x = tensor([1], { device });
    await expect(writeSafetensors({ __metadata__: x })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[FormatError: safetensors: "__metadata__" is reserved; give the tensor another name.]`,
    );
  });

  test("a folder that does not exist is named", async () => {
    const path = join(folder, "nowhere", "x.safetensors");
    await expect(saveSafetensors(path, {})).rejects.toThrow(FormatError);
  });
});
