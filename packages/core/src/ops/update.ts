// The functional form of `setAt` and `addAt`: a copy of a tensor in which a part is replaced.
import type { Tensor } from "../tensor.ts";
import { add, ne, where } from "./arithmetic.ts";
import { gatherLists, scatterLists, slicePart } from "./at.ts";
import { arange, onesLike } from "./creation.ts";
import type { IndexPlan } from "./index-plan.ts";
import { expand, reshape } from "./view.ts";

/** `x` with `value` (broadcast) put into, or added to, the part that `plan` names. */
export function updated(x: Tensor, plan: IndexPlan, value: Tensor, combine: "set" | "add"): Tensor {
  const everywhere = reshape(
    arange(x.size, undefined, { dtype: "int32", device: x.device }),
    x.shape,
  );
  const positions = gatherLists(slicePart(everywhere, plan), plan);
  const flat = reshape(positions, [-1]);
  const values = reshape(expand(value, positions.shape), [-1]);
  const scatter = (source: Tensor, how: "set" | "add") =>
    reshape(scatterLists(source, [flat], { axes: [0], shape: [x.size], combine: how }), x.shape);
  if (combine === "add") return add(x, scatter(values, "add"));
  const isWritten = ne(scatter(onesLike(flat), "set"), 0);
  return where(isWritten, scatter(values, "set"), x);
}
