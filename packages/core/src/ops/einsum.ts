// Products and sums in index notation: `einsum("bij,bjk->bik", a, b)`. Operands are contracted in
// pairs, from left to right, each pair as one matrix product.
import { ShapeError, showShape } from "../errors.ts";
import { promoteTypes } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { composite } from "./define.ts";
import { diagonal } from "./diagonal.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduction.ts";
import { permute, reshape } from "./view.ts";

/** A tensor with a label per axis; those that `...` stands for are numbers from the right. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

const fail = (equation: string, problem: string): never => {
  throw new ShapeError(
    `einsum: ${problem} in "${equation}". Expected letters for axes, "..." for the others, commas ` +
      `between operands and perhaps "->" before the result's.`,
  );
};

/** Letters of one term; `...` becomes `count` labels, numbered from the right: so they broadcast. */
function labelsOf(equation: string, term: string, count: number): string[] {
  const parts = term.split("...");
  if (parts.length > 2) fail(equation, `"..." stands twice`);
  const letters = (text: string): string[] => {
    if (!/^[A-Za-z]*$/.test(text)) fail(equation, `"${text}" is not a list of letters`);
    return [...text];
  };
  const [before = "", after = ""] = parts;
  if (parts.length === 1) return letters(before);
  const others = Array.from({ length: count }, (_, i) => `${count - i}`);
  return [...letters(before), ...others, ...letters(after)];
}

/** Diagonals where a label repeats: `ii` is the diagonal of a matrix. */
function withoutRepeats({ tensor, labels }: Labelled): Labelled {
  const again = labels.findIndex((label, i) => labels.indexOf(label) !== i);
  if (again < 0) return { tensor, labels };
  const first = labels.indexOf(labels[again]!);
  const rest = labels.filter((_, i) => i !== first && i !== again);
  return withoutRepeats({
    tensor: diagonal(tensor, 0, first, again),
    labels: [...rest, labels[again]!],
  });
}

/** Sums the labels that are not kept. */
function summed({ tensor, labels }: Labelled, isKept: (label: string) => boolean): Labelled {
  const axes = labels.flatMap((label, axis) => (isKept(label) ? [] : [axis]));
  if (axes.length === 0) return { tensor, labels };
  return { tensor: sum(tensor, axes), labels: labels.filter(isKept) };
}

/** Axes in the order of `labels`. */
function ordered({ tensor, labels }: Labelled, order: readonly string[]): Tensor {
  return permute(tensor, order.map((label) => labels.indexOf(label))); // prettier-ignore
}

/** The product of two operands, summed over the labels that only they have. */
function contracted(left: Labelled, right: Labelled, isKept: (label: string) => boolean): Labelled {
  const has = (one: Labelled) => (label: string) => one.labels.includes(label);
  const length = (one: Labelled, label: string) => one.tensor.shape[one.labels.indexOf(label)]!;
  // What only one operand has, or has at a length that the other repeats, is summed there.
  const isShared = (label: string) =>
    has(left)(label) && has(right)(label) && length(left, label) === length(right, label);
  const a = summed(left, (label) => isKept(label) || isShared(label));
  const b = summed(right, (label) => isKept(label) || isShared(label));
  const batch = a.labels.filter((label) => has(b)(label) && isKept(label));
  const inner = a.labels.filter((label) => has(b)(label) && !isKept(label));
  const rows = a.labels.filter((label) => !has(b)(label));
  const columns = b.labels.filter((label) => !has(a)(label));
  const lengths = (one: Labelled, labels: readonly string[]) =>
    labels.map((label) => length(one, label));
  const labels = [...batch, ...rows, ...columns];
  const [m, n] = [lengths(a, rows), lengths(b, columns)];
  if (inner.length === 0) {
    const one = (list: readonly unknown[]) => list.map(() => 1);
    const first = reshape(ordered(a, [...batch, ...rows]), [...lengths(a, batch), ...m, ...one(n)]);
    const second = reshape(ordered(b, [...batch, ...columns]), [...lengths(b, batch), ...one(m), ...n]); // prettier-ignore
    return { tensor: mul(first, second), labels };
  }
  const k = sizeOf(lengths(a, inner));
  const matrices = matmul(
    reshape(ordered(a, [...batch, ...rows, ...inner]), [...lengths(a, batch), sizeOf(m), k]),
    reshape(ordered(b, [...batch, ...inner, ...columns]), [...lengths(b, batch), k, sizeOf(n)]),
  );
  return {
    tensor: reshape(matrices, [...matrices.shape.slice(0, batch.length), ...m, ...n]),
    labels,
  };
}

/** How many axes `...` stands for. */
function othersOf(equation: string, terms: readonly string[], operands: readonly Tensor[]): number {
  let count = 0;
  terms.forEach((term, i) => {
    const named = term.replace("...", "").length;
    const { ndim, shape } = operands[i]!;
    const rest = ndim - named;
    if (rest < 0 || (rest > 0 && !term.includes("..."))) {
      fail(
        equation,
        `"${term}" names ${named} axes, but operand ${i} has shape ${showShape(shape)}`,
      );
    }
    if (term.includes("...")) count = Math.max(count, rest);
  });
  return count;
}

/** The result's labels: as written, or `...` and then those that stand once, in order. */
function resultLabels(
  equation: string,
  written: string | undefined,
  operands: readonly Labelled[],
  others: number,
): string[] {
  const all = operands.flatMap(({ labels }) => labels);
  if (written === undefined) {
    const dots = Array.from({ length: others }, (_, i) => `${others - i}`);
    const isLetter = (label: string) => /[A-Za-z]/.test(label);
    const once = all.filter((label) => isLetter(label) && all.indexOf(label) === all.lastIndexOf(label)); // prettier-ignore
    return [...dots, ...once.sort()];
  }
  const labels = labelsOf(equation, written, others);
  const unknown = labels.find((label) => !all.includes(label));
  if (unknown !== undefined) fail(equation, `the result's "${unknown}" is in no operand`);
  if (new Set(labels).size !== labels.length) fail(equation, "the result names an axis twice");
  return labels;
}

function requireLengths(equation: string, operands: readonly Labelled[]): void {
  const lengths = new Map<string, number>();
  for (const { tensor, labels } of operands) {
    labels.forEach((label, axis) => {
      const n = tensor.shape[axis]!;
      const known = lengths.get(label) ?? 1;
      if (known !== n && known !== 1 && n !== 1) {
        fail(equation, `"${label}" has lengths ${known} and ${n}`);
      }
      lengths.set(label, known === 1 ? n : known);
    });
  }
}

/**
 * Products of operands summed over the labels that the result does not have: `einsum("ij,jk->ik", a, b)`.
 * Labels are letters; one that repeats within an operand is a diagonal; `...` are axes that broadcast.
 * Without `->`, the result has the labels that stand once, in alphabetical order.
 */
export const einsum = /* @__PURE__ */ composite(
  "einsum",
  (equation: string, ...operands: readonly Tensor[]): Tensor => {
    const [inputs = "", result, ...more] = equation.replaceAll(/\s/g, "").split("->");
    const terms = inputs.split(",");
    if (more.length > 0) fail(equation, `"->" stands twice`);
    if (terms.length !== operands.length || operands.length === 0) {
      fail(equation, `${terms.length} terms for ${operands.length} operands`);
    }
    const others = othersOf(equation, terms, operands);
    const dtype = operands.map((x) => x.dtype).reduce(promoteTypes);
    const labelled = operands.map((x, i): Labelled => {
      const own = x.ndim - terms[i]!.replace("...", "").length;
      return { tensor: cast(x, dtype), labels: labelsOf(equation, terms[i]!, own) };
    });
    requireLengths(equation, labelled);
    const output = resultLabels(equation, result, labelled, others);
    let product = withoutRepeats(labelled[0]!);
    labelled.slice(1).forEach((next, i) => {
      const later = new Set(labelled.slice(i + 2).flatMap(({ labels }) => labels));
      const isKept = (label: string) => output.includes(label) || later.has(label);
      product = contracted(product, withoutRepeats(next), isKept);
    });
    return ordered(
      summed(product, (label) => output.includes(label)),
      output,
    );
  },
  {
    samples: [
      (make) => ["ij,jk->ik", make([2, 3]), make([3, 4])],
      (make) => ["ii", make([3, 3])],
      (make) => ["ii->i", make([3, 3])],
      (make) => ["ij->ji", make([2, 3])],
      (make) => ["i,j", make([2]), make([3])],
      (make) => ["...ij,...jk->...ik", make([2, 1, 2, 3]), make([2, 3, 2])],
      (make) => ["bn,anm,bm->ba", make([2, 3]), make([4, 3, 2]), make([2, 2])],
      (make) => ["b a, a", make([2, 3]), make([3])],
      (make) => ["iij,jk,kk->ik", make([2, 2, 3]), make([3, 2]), make([2, 2])],
      (make) => ["ij,ij->", make([2, 3]), make([1, 3])],
    ],
    dtypes: ["float32", "float64", "int32", "int64"],
  },
);
