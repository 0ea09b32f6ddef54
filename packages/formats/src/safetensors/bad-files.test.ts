// Files that lie: each is refused with a clear FormatError, and nothing is allocated for its claims.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError, device, tensor } from "@flambeau/core";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadSafetensors, readSafetensors, writeSafetensors } from "../index.ts";

/** A file of this header text and `dataSize` zero bytes. */
function file(header: string, dataSize = 0, claimedLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataSize);
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const x = (dtype: unknown, shape: unknown, offsets: unknown): string =>
  JSON.stringify({ x: { dtype, shape, data_offsets: offsets } });
const terabyte = 2 ** 40;
const good = file(x("F32", [2], [0, 8]), 8);

const badFiles: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  "shorter than the length": new Uint8Array(5),
  "cut inside the header": good.subarray(0, 20),
  "cut inside the data": good.subarray(0, good.length - 1),
  "header longer than the file": file("{}", 0, 1000n),
  "header longer than allowed": file("{}", 0, 2n ** 40n),
  "header of 2^64 - 1 bytes": file("{}", 0, 2n ** 64n - 1n),
  "header of no bytes": file("", 0),
  "not a safetensors file": new TextEncoder().encode("PK\u0003\u0004 some other kind of file"),
  "not JSON": file('{"x":'),
  "JSON after white space": file(" {}"),
  "JSON that is no object": file("[]"),
  "text after the JSON": file("{}{}"),
  "not UTF-8": Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0xfe, 0x7d),
  "tensor that is no object": file('{"x":3}'),
  "unknown dtype": file(x("F7", [1], [0, 1]), 1),
  "dtype not supported": file(x("F8_E5M2", [1], [0, 1]), 1),
  "dtype named as a property of objects": file(x("constructor", [1], [0, 1]), 1),
  "dtype missing": file('{"x":{"shape":[1],"data_offsets":[0,4]}}', 4),
  "shape missing": file('{"x":{"dtype":"F32","data_offsets":[0,4]}}', 4),
  "shape of fractions": file(x("F32", [1.5], [0, 6]), 6),
  "shape of strings": file(x("F32", ["1"], [0, 4]), 4),
  "negative shape": file(x("F32", [-1, -2], [0, 8]), 8),
  "negative zero": file('{"x":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
  "NaN in the shape": file('{"x":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4),
  "infinite shape": file('{"x":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', 4),
  "shape of 2^53": file(x("U8", [2 ** 53], [0, 4]), 4),
  "shape whose product overflows": file(x("F32", [2 ** 30, 2 ** 30], [0, 4]), 4),
  "shape whose product wraps to zero": file(x("F32", [2 ** 32, 2 ** 32], [0, 0])),
  "overflow hidden by a zero": file(x("F32", [2 ** 52, 2 ** 52, 0], [0, 0])),
  "shape larger than its bytes": file(x("F32", [1000], [0, 8]), 8),
  "a terabyte": file(x("F32", [terabyte / 4], [0, terabyte]), 8),
  "offsets missing": file('{"x":{"dtype":"F32","shape":[1]}}', 4),
  "three offsets": file(x("F32", [1], [0, 4, 8]), 8),
  "negative offset": file(x("F32", [1], [-4, 0]), 4),
  "offsets in reverse": file(x("F32", [1], [4, 0]), 4),
  "offsets past the end": file(x("F32", [1], [4, 8]), 4),
  overlapping: file(
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}',
    12,
  ),
  "a hole": file(
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}',
    12,
  ),
  "trailing bytes": file(x("F32", [1], [0, 4]), 6),
  "trailing bytes and no tensors": file("{}", 1),
  "two tensors of one name": file(
    '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"\\u0078":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    8,
  ),
  "one key twice in a tensor": file(
    '{"x":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}',
    4,
  ),
  "metadata that is no object": file('{"__metadata__":"x"}'),
  "metadata that is no string": file('{"__metadata__":{"epoch":3}}'),
};

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "bad-safetensors-"))));
afterAll(() => rm(folder, { recursive: true }));

test("the file that the bad ones are made from is good", () => {
  expect(readSafetensors(good, { device: "reference" }).tensors.x!.toArray()).toEqual([0, 0]);
});

test.each(Object.entries(badFiles))("%s", async (name, bytes) => {
  const target = device("reference");
  const before = [target.liveBuffers, target.liveBytes];
  const buffers = process.memoryUsage().arrayBuffers;
  let error: unknown;
  try {
    readSafetensors(bytes, { device: target });
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(FormatError);
  expect((error as Error).message).toMatchSnapshot();

  const path = join(folder, name.replaceAll(/\W/g, "-"));
  await writeFile(path, bytes);
  await expect(loadSafetensors(path, { device: target })).rejects.toThrow(FormatError);

  // Fewer, where tensors of earlier tests were collected meanwhile.
  expect(target.liveBuffers).toBeLessThanOrEqual(before[0]!);
  expect(target.liveBytes).toBeLessThanOrEqual(before[1]!);
  expect(process.memoryUsage().arrayBuffers - buffers).toBeLessThan(2 ** 20);
});

test("a folder, and a file that is not there", async () => {
  await expect(loadSafetensors(folder)).rejects.toThrow(/it is a folder/);
  await expect(loadSafetensors(join(folder, "none"))).rejects.toThrow(/no such file/);
});

test("no change of a byte or cut of a file does harm", async () => {
  const bytes = await writeSafetensors(
    { weight: tensor([[1, 2], [3, 4]], { device: "reference" }), bias: tensor([true], { device: "reference" }) }, // prettier-ignore
    { metadata: { format: "pt" } },
  );
  const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255), cut: fc.boolean() });
  const property = fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
    let damaged = bytes.slice();
    for (const { at, to, cut } of changes) {
      if (cut) damaged = damaged.slice(0, at);
      else damaged[at] = to;
    }
    try {
      readSafetensors(damaged, { device: "reference" });
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  });
  fc.assert(property, { numRuns: 2000 });
});
