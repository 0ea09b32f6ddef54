// What each PyTorch function is in Flambeau: one line each, in the four tables. A function without a
// line is "not yet".
import { algebra, moments, rearranging, writing } from "./golden-arrays.ts";
import { type Entry, NotYet, bind } from "./golden-call.ts";
import { activations, elementwise } from "./golden-elementwise.ts";
import { convolutions, losses, norms, pooling, products } from "./golden-layers.ts";
import { attention, moreLosses, morePooling, vision } from "./golden-networks.ts";
import { casts, creation, indexing, shapes } from "./golden-shapes.ts";
import { spectra } from "./golden-fft.ts";
import { linearAlgebra } from "./golden-linalg.ts";
import { ordering, reductions, running } from "./golden-statistics.ts";

export { NotYet, PythonFloat } from "./golden-call.ts";

const table: Readonly<Record<string, Entry>> = {
  ...elementwise,
  ...activations,
  ...reductions,
  ...ordering,
  ...running,
  ...shapes,
  ...indexing,
  ...creation,
  ...casts,
  ...products,
  ...convolutions,
  ...pooling,
  ...norms,
  ...losses,
  ...vision,
  ...attention,
  ...morePooling,
  ...moreLosses,
  ...writing,
  ...rearranging,
  ...algebra,
  ...moments,
  ...linearAlgebra,
  ...spectra,
};

/** Calls what stands for a PyTorch function; `indices` where its int64 results are positions. */
export function callTorch(
  name: string,
  args: readonly unknown[],
  kwargs: { readonly [name: string]: unknown },
): { readonly result: unknown; readonly indices: boolean } {
  const known = Object.hasOwn(table, name) ? table[name] : undefined;
  if (known === undefined) throw new NotYet(name);
  const call = known.call as (...inputs: unknown[]) => unknown;
  return { result: call(...bind(name, known, args, kwargs)), indices: known.indices };
}
