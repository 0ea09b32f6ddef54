// einsum against loops over all labels, for generated equations.
import fc from "fast-check";
import { expect, it } from "vitest";
import { einsum, tensor } from "../index.ts";
import { sizeOf } from "../shape.ts";

const lengths: { readonly [label: string]: number } = { a: 2, b: 3, c: 1, d: 2 };
const labels = Object.keys(lengths);

/** Visits every index of `length` numbers below the limits. */
function* indices(limits: readonly number[]): Generator<number[]> {
  for (let i = 0; i < sizeOf(limits); i++) {
    let rest = i;
    yield limits.toReversed().map((n) => [rest % n, (rest = Math.floor(rest / n))][0]!).toReversed(); // prettier-ignore
  }
}

it("means the sum over all labels that the result does not have", () => {
  const term = fc.array(fc.constantFrom(...labels), { maxLength: 3 });
  const terms = fc.array(term, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(terms, fc.nat(), (inputs, pick) => {
      const used = [...new Set(inputs.flat())];
      const output = used.filter((_, i) => (pick >> i) & 1);
      const shapes = inputs.map((term) => term.map((label) => lengths[label]!));
      const data = shapes.map((shape, k) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + k * 3) % 5) - 2)); // prettier-ignore
      const expected = new Float64Array(sizeOf(output.map((label) => lengths[label]!)));
      const place = (list: readonly string[], index: Map<string, number>) =>
        list.reduce((at, label) => at * lengths[label]! + index.get(label)!, 0);
      for (const index of indices(used.map((label) => lengths[label]!))) {
        const at = new Map(used.map((label, i) => [label, index[i]!]));
        const product = inputs.reduce((sum, list, k) => sum * data[k]![place(list, at)]!, 1);
        expected[place(output, at)]! += product;
      }
      const equation = `${inputs.map((list) => list.join("")).join(",")}->${output.join("")}`;
      const result = einsum(
        equation,
        ...data.map((values, k) => tensor(values, { shape: shapes[k]! })),
      );
      expect(result.shape).toEqual(output.map((label) => lengths[label]!));
      // -0 equals 0.
      expect(Array.from(result.dataSync() as Float32Array, (x) => x + 0)).toEqual([...expected]);
    }),
    { numRuns: 150 },
  );
});

it("says what is wrong with an equation", () => {
  const x = tensor([[1, 2], [3, 4]]); // prettier-ignore
  const message = (equation: string, ...operands: (typeof x)[]): string => {
    try {
      einsum(equation, ...operands);
    } catch (error) {
      return String(error);
    }
    return "nothing";
  };
  expect(message("ijk->i", x)).toMatchInlineSnapshot(
    `"ShapeError: einsum: "ijk" names 3 axes, but operand 0 has shape [2, 2] in "ijk->i". Expected letters for axes, "..." for the others, commas between operands and perhaps "->" before the result's."`,
  );
  expect(message("ij,jk", x)).toContain("2 terms for 1 operands");
  expect(message("ij->k", x)).toContain(`the result's "k" is in no operand`);
  expect(message("ij->ii", x)).toContain("names an axis twice");
  expect(message("i1", x)).toContain(`"i1" is not a list of letters`);
  expect(message("ij,ij", x, tensor([[1, 2, 3]]))).toContain(`"j" has lengths 2 and 3`);
});
