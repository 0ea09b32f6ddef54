// What the programs of this folder share: numbers from a closed formula in place of random ones, so
// that they and their PyTorch originals (scripts/pytorch_examples.py) start from equal values.
import { pathToFileURL } from "node:url";
import { type DType, type Tensor, tensor } from "flambeau";
import type * as nn from "flambeau/nn";

/** The key numbers of a program, by name. */
export type Numbers = Record<string, number | number[]>;

export const float64 = { dtype: "float64" } as const;

/** Element i, row-major, is `scale · sin(start + i + i² / 10)`: of full rank, unlike a plain sine. */
export function wave(
  shape: readonly number[],
  start = 0,
  scale = 1,
  dtype: DType = "float64",
): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const at = (i: number): number => scale * Math.sin(start + i + (i * i) / 10);
  const values = Float64Array.from({ length: size }, (_, i) => at(i));
  return tensor(values, { shape, dtype });
}

/** Parameter p of a model becomes `wave` from p. */
export function fillWithWaves<M extends nn.Module>(model: M, scale = 0.5): M {
  model.parameters().forEach((one, p) => one.assign(wave(one.shape, p, scale, one.dtype)));
  return model;
}

/** All elements as plain numbers. */
export const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

/** Prints a program's numbers where its file is what Node was asked to run. */
export async function printIfMain(url: string, run: () => Promise<Numbers>): Promise<void> {
  if (url !== pathToFileURL(process.argv[1] ?? "").href) return;
  for (const [name, value] of Object.entries(await run())) console.log(`${name}:`, value);
}
