// Adding an op edits one file: toy ops in a temporary file pass the whole generated suite, and wrong
// ones fail it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failuresOf, runConformance } from "./conformance.ts";
import { testedDevices } from "./devices.ts";
import { runGradients } from "./gradients.ts";
import { type NamedOp, opsOf } from "./named-ops.ts";
import { summaryOf, supportTable } from "./support-table.ts";

const core = path.join(import.meta.dirname, "../../core/src");

const source = `
import { apply, composite, contiguousStore, broadcastLoad, expose, leaf, primitive, s, unary } from "${core}/extension.ts";
import { exp, mul, sum } from "${core}/index.ts";

/** Elementwise: x · sin(x). */
export const ripple = unary("ripple", (x) => s.mul(x, s.sin(x)), { promotion: "float" });

/** Composite: the sum of x · eˣ along an axis. */
export const weight = composite(
  "weight",
  (x, axis, options) => sum(mul(x, exp(x)), axis, options),
  { samples: [(make) => [make([2, 3]), 1], (make) => [make([3]), 0, { keepDims: true }]], dtypes: ["float32", "float64"] },
);

const shiftOperation = primitive({
  name: "shift",
  infer: ([x]) => [x],
  lower: ([x], { by }) => ({
    kind: "map",
    axes: x.shape,
    loads: [broadcastLoad(0, x, x.shape)],
    params: [],
    stores: [contiguousStore(x.shape, s.add(leaf("load", 0, x.dtype), by))],
  }),
  gradient: ({ grads }) => [grads[0]],
});

/** Primitive: x + by, for a whole number. */
export const shift = expose(shiftOperation, (x, by) => apply(shiftOperation, [x], { by })[0], {
  samples: [(make) => [make([2, 3]), 2], (make) => [make([]), -1], (make) => [make([0, 2]), 1]],
  dtypes: ["float32", "float64", "int32", "int64"],
});

/** Wrong: the gradient of x² is 2x. */
export const wrongGradient = unary("wrongGradient", (x) => s.mul(x, x), {
  promotion: "float",
  gradient: ([x], _, grad) => [s.mul(grad, x)],
});

const forgetfulOperation = primitive({
  name: "forgetful",
  infer: ([x]) => [x],
  // Wrong: it reads any operand as if it were row-major.
  lower: ([x]) => ({
    kind: "map",
    axes: x.shape,
    loads: [{ operand: 0, dtype: x.dtype, offset: 0, strides: x.shape.map((_, i) => x.shape.slice(i + 1).reduce((a, b) => a * b, 1)) }],
    params: [],
    stores: [contiguousStore(x.shape, leaf("load", 0, x.dtype))],
  }),
});

/** Wrong on views. */
export const forgetful = expose(forgetfulOperation, (x) => apply(forgetfulOperation, [x], {})[0], {
  samples: [(make) => [make([2, 3])]],
});

/** Wrong: what it computes depends on the device that is asked. */
export const peeking = composite("peeking", (x) => (x.device.name === "null" ? sum(x) : x), {
  samples: [(make) => [make([2])]],
});
`;

let folder: string;
let ops: ReadonlyMap<string, NamedOp>;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "flambeau-toy-"));
  const file = path.join(folder, "toy-ops.ts");
  writeFileSync(file, source);
  const module = (await import(pathToFileURL(file).href)) as object;
  ops = new Map(opsOf(module).map((op) => [op.name, op]));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const opOf = (name: string): NamedOp => ops.get(name)!;

describe("toy ops", () => {
  for (const name of ["ripple", "weight", "shift"]) {
    it(`${name} passes everything`, () => {
      const verdicts = [
        ...runConformance([opOf(name)], { devices: testedDevices }),
        ...runGradients([opOf(name)], { devices: testedDevices }),
      ];
      expect(failuresOf(verdicts)).toEqual([]);
      expect(verdicts.length).toBeGreaterThan(30);
      expect(supportTable(verdicts)).toContain(name);
      expect(summaryOf(verdicts)).toContain(" 0 failed");
    });
  }

  it("a wrong gradient fails", () => {
    const failures = failuresOf(runGradients([opOf("wrongGradient")]));
    expect(failures[0]).toContain("the numeric derivative is");
  });

  it("an op that ignores strides fails on views", () => {
    const failures = failuresOf(runConformance([opOf("forgetful")], { modes: ["eager"] }));
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(failure).toMatch(/transposed|sliced|flipped/);
  });

  it("another shape on the null device fails", () => {
    const failures = failuresOf(runConformance([opOf("peeking")], { modes: ["shape-only"] }));
    expect(failures[0]).toContain("on null");
  });
});
