// The gates of an lstm: forwards, and backwards from what they were when they ran.
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { type Gates, type Into, gates } from "./gates.ts";

/** The logistic function; the limit keeps its derivatives from `∞ / ∞`. */
export const logistic = (x: Scalar): Scalar => {
  const limit = constant(x.dtype === "float64" ? 350 : 80, x.dtype);
  return s.div(1, s.add(1, s.exp(s.min(s.neg(x), limit))));
};

/** Input, forget, candidate and output; hidden and cell. */
function lstm(x: readonly Scalar[], r: readonly Scalar[], cell: Scalar) {
  const sums = x.map((part, i) => s.add(part, r[i]!));
  const own = sums.map((sum, i) => (i === 2 ? s.tanh(sum) : logistic(sum)));
  const [input, forget, candidate, output] = own as [Scalar, Scalar, Scalar, Scalar];
  const next = s.add(s.mul(forget, cell), s.mul(input, candidate));
  return { own, hidden: s.mul(output, s.tanh(next)), next };
}

/** Input and recurrent parts of input, forget, cell and output gates, and cell → hidden and cell. */
export const lstmGates = /* @__PURE__ */ gates("lstm", [4, 4, 1], (x, r, [cell]) => {
  const { hidden, next } = lstm(x, r, cell!);
  return [[hidden], [next]];
});

/** The same, and the four gates, for `lstmSlopes`. */
export const lstmGatesKept = /* @__PURE__ */ gates("lstmKept", [4, 4, 1], (x, r, [cell]) => {
  const { own, hidden, next } = lstm(x, r, cell!);
  return [[hidden], [next], own];
});

const sum = (list: readonly Scalar[]): Scalar => list.reduce((a, b) => s.add(a, b));

/** By how many gradients arrive at the hidden state and at the cell. */
const slopes = new Map<string, Gates>();

function slopesFor(hiddens: number, cells: number): Gates {
  const key = `${hiddens} ${cells}`;
  let found = slopes.get(key);
  if (found !== undefined) return found;
  const given = new Array<number>(hiddens + cells).fill(1);
  found = gates("lstmSlopes", [4, 1, 1, ...given], (own, [cell], [next], ...grads) => {
    const [input, forget, candidate, output] = own as [Scalar, Scalar, Scalar, Scalar];
    const ofHidden = sum(grads.slice(0, hiddens).map(([one]) => one!));
    const bent = s.tanh(next!);
    const through = s.mul(s.mul(ofHidden, output), s.sub(1, s.mul(bent, bent)));
    const ofNext = sum([through, ...grads.slice(hiddens).map(([one]) => one!)]);
    const ofLogistic = (y: Scalar, grad: Scalar) => s.mul(grad, s.mul(y, s.sub(1, y)));
    return [
      [
        ofLogistic(input, s.mul(ofNext, candidate)),
        ofLogistic(forget, s.mul(ofNext, cell!)),
        s.mul(s.mul(ofNext, input), s.sub(1, s.mul(candidate, candidate))),
        ofLogistic(output, s.mul(ofHidden, bent)),
      ],
      [s.mul(ofNext, forget)],
    ];
  });
  slopes.set(key, found);
  return found;
}

/**
 * Gradients of the sums that the gates are functions of `[batch, 4 · hidden]`, and of the cell before, from the
 * gates and the cells before and after; several gradients of one thing add up.
 */
export function lstmSlopes(
  [own, cell, next]: readonly [Tensor, Tensor, Tensor],
  ofHidden: readonly Tensor[],
  ofCell: readonly Tensor[],
  into: Into,
): [Tensor, Tensor] {
  const operands = [own, cell, next, ...ofHidden, ...ofCell];
  return slopesFor(ofHidden.length, ofCell.length)(operands, into) as [Tensor, Tensor];
}
