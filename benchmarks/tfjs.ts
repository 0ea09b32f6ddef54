// Loads TensorFlow.js, the peer, from benchmarks/peers if it is installed there.
import { createRequire } from "node:module";

/** The parts of TensorFlow.js that the benchmarks use. */
export interface TfTensor {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dataSync(): Float32Array;
  dispose(): void;
  relu(): TfTensor;
  add(other: TfTensor): TfTensor;
  matMul(other: TfTensor): TfTensor;
  reshape(shape: number[]): TfTensor;
}

export interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getBackend(): string;
  tidy<T>(body: () => T): T;
  tensor(values: Float32Array | Int32Array, shape: number[], dtype?: string): TfTensor;
  variable(value: TfTensor): TfTensor;
  randomNormal(shape: number[], mean?: number, deviation?: number): TfTensor;
  zeros(shape: number[]): TfTensor;
  oneHot(indices: TfTensor, depth: number): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, stride: number, padding: string): TfTensor;
  maxPool(x: TfTensor, size: number, stride: number, padding: string): TfTensor;
  losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  train: {
    adam(rate: number): { minimize(body: () => TfTensor): TfTensor | null };
    sgd(rate: number): { minimize(body: () => TfTensor): TfTensor | null };
  };
}

/** TensorFlow.js on the named backend, or `undefined` with a line that says how to install it. */
export async function loadTf(backend: "wasm" | "cpu"): Promise<Tf | undefined> {
  const require = createRequire(new URL("./peers/package.json", import.meta.url));
  try {
    const tf = require("@tensorflow/tfjs") as Tf;
    if (backend === "wasm") {
      const wasm = require("@tensorflow/tfjs-backend-wasm") as { setWasmPaths(path: string): void };
      const entry = require.resolve("@tensorflow/tfjs-backend-wasm");
      wasm.setWasmPaths(entry.replace(/[^/\\]*$/, ""));
    }
    await tf.setBackend(backend);
    await tf.ready();
    return tf;
  } catch {
    console.log("  @tensorflow/tfjs: n/a (npm install --ignore-scripts --prefix benchmarks/peers)");
    return undefined;
  }
}
