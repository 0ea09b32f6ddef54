// Twenty kernels beside TensorFlow.js on wasm, at sizes of everyday layers. A ratio above 1 means that
// TensorFlow.js takes longer.
//
// What was learnt: row statistics that carry a running maximum (softmax) pay two exponentials and a
// select for each element, where a maximum first and one exponential would do; topk sorts whole rows in
// a routine; interpolate gathers each tap by an index tensor. These three are behind.
import {
  avgPool2d, clamp, concat, conv2d, cumsum, exp, gather, interpolate, leakyRelu, manualSeed, noGrad,
  pad, randint, randn, scope, topk, where,
} from "flambeau"; // prettier-ignore
import { compare } from "./harness.ts";
import { type TfTensor, loadTf } from "./tfjs.ts";

type Call = (...inputs: unknown[]) => TfTensor;
type Functions = Record<string, Call> & { readonly image: Record<string, Call> };

/** Runs the contestants of each kernel in turn and prints one line per kernel. */
export async function benchmarkKernels(): Promise<void> {
  manualSeed(1);
  const tf = await loadTf("wasm");
  const f = tf as unknown as Functions | undefined;
  const [rows, columns] = [512, 1024];
  const x = randn([rows, columns]);
  const y = randn([rows, columns]);
  const bias = randn([columns]);
  const index = randint(0, rows, [rows], { dtype: "int32" });
  const images = randn([16, 32, 28, 28]);
  const depthwise = randn([32, 1, 3, 3]);
  const [a, b] = [randn([32, 64, 64]), randn([32, 64, 64])];
  const mask = x.gt(0);
  const upload = (data: Float32Array | Int32Array, shape: number[], dtype?: string) =>
    tf?.tensor(data, shape, dtype);
  const floats = (t: typeof x) => t.dataSync() as Float32Array;
  const tx = upload(floats(x), [rows, columns]);
  const ty = upload(floats(y), [rows, columns]);
  const tBias = upload(floats(bias), [columns]);
  const tIndex = upload(index.dataSync() as Int32Array, [rows], "int32");
  const tImages = upload(floats(images), [16, 28, 28, 32]);
  const tDepthwise = upload(floats(depthwise), [3, 3, 32, 1]);
  const [ta, tb] = [upload(floats(a), [32, 64, 64]), upload(floats(b), [32, 64, 64])];
  const tMask = upload(Int32Array.from(mask.dataSync() as Uint8Array), [rows, columns], "bool");
  const wide = index.reshape([rows, 1]).expand([rows, columns]);

  const kernels: readonly [name: string, ours: () => unknown, theirs: () => unknown][] = [
    ["exp", () => exp(x), () => f!.exp!(tx)],
    ["tanh", () => x.tanh(), () => f!.tanh!(tx)],
    ["sigmoid", () => x.sigmoid(), () => f!.sigmoid!(tx)],
    ["erf", () => x.erf(), () => f!.erf!(tx)],
    ["leakyRelu", () => leakyRelu(x, 0.1), () => f!.leakyRelu!(tx, 0.1)],
    ["add a row", () => x.add(bias), () => f!.add!(tx, tBias)],
    ["multiply", () => x.mul(y), () => f!.mul!(tx, ty)],
    ["clamp", () => clamp(x, { min: -1, max: 1 }), () => f!.clipByValue!(tx, -1, 1)],
    ["where", () => where(mask, x, y), () => f!.where!(tMask, tx, ty)],
    ["sum of rows", () => x.sum(1), () => f!.sum!(tx, 1)],
    ["sum of columns", () => x.sum(0), () => f!.sum!(tx, 0)],
    ["max of rows", () => x.amax(1), () => f!.max!(tx, 1)],
    ["argmax of rows", () => x.argmax(1), () => f!.argMax!(tx, 1)],
    ["softmax", () => x.softmax(1), () => f!.softmax!(tx)],
    ["cumsum", () => cumsum(x, 1), () => f!.cumsum!(tx, 1)],
    ["pick rows", () => gather(x, 0, wide), () => f!.gather!(tx, tIndex)],
    ["transpose", () => x.t().contiguous(), () => f!.transpose!(tx)],
    ["concat", () => concat([x, y], 1), () => f!.concat!([tx, ty], 1)],
    ["pad", () => pad(x, [3, 3, 2, 2]), () => f!.pad!(tx, [[2, 2], [3, 3]])],
    ["top 5 of rows", () => topk(x, 5), () => f!.topk!(tx, 5)],
    ["average pool", () => avgPool2d(images, 2), () => f!.avgPool!(tImages, 2, 2, "valid")],
    ["depthwise conv", () => conv2d(images, depthwise, undefined, { padding: 1, groups: 32 }), () => f!.depthwiseConv2d!(tImages, tDepthwise, 1, "same")],
    ["bilinear × 2", () => interpolate(images, { size: [56, 56], mode: "bilinear" }), () => f!.image.resizeBilinear!(tImages, [56, 56])],
    ["32 products 64³", () => a.matmul(b), () => f!.matMul!(ta, tb)],
  ]; // prettier-ignore

  console.log("\nkernels beside @tensorflow/tfjs wasm");
  for (const [name, ours, theirs] of kernels) {
    const us = { name, step: () => noGrad(() => scope(() => void ours())) };
    const them = { name, step: () => void tf!.tidy(() => void theirs()) };
    try {
      const options = { burst: 40, rounds: 5, warmup: 80 };
      const [mine, other] = await compare(tf ? [us, them] : [us], options);
      const ratio = other ? `${(other.median / mine!.median).toFixed(2)}×` : "n/a";
      const peer = other ? `${(other.median * 1000).toFixed(0)} µs` : "";
      console.log(`  ${name.padEnd(18)} ${(mine!.median * 1000).toFixed(0).padStart(6)} µs ${peer.padStart(10)} ${ratio.padStart(8)}`); // prettier-ignore
    } catch (error) {
      console.log(`  ${name.padEnd(18)} n/a: ${(error as Error).message.slice(0, 60)}`);
    }
  }
}

if (process.argv[1]?.endsWith("kernels.ts")) {
  await benchmarkKernels();
  process.exit(0);
}
