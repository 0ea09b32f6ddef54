// Laws of the function transforms, for every sample of every op: vmap equals a loop, and forward mode
// agrees with reverse mode (⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩).
import * as core from "@flambeau/core";
import {
  type Tensor,
  func,
  isTensor,
  noGrad,
  scope,
  setDefaultDevice,
  stack,
  tensor,
} from "@flambeau/core";
import { sameShape, tensorsIn } from "@flambeau/core/extension";
import { describe, expect, it } from "vitest";
import { lane } from "./devices.ts";
import { difference, readSync } from "./matchers.ts";
import { type NamedOp, claimedDTypes, opsOf, withTensors } from "./named-ops.ts";
import { createSampleSource, seedOf } from "./sample-source.ts";

setDefaultDevice("reference");
const tolerance = { rtol: 1e-9, atol: 1e-9 };
// Ops that draw random numbers draw once for a whole batch, and anew each time they are called.
const ops = opsOf(core).filter(({ definition: { samples, skips } }) => samples.length > 0 && skips?.["eager"] === undefined); // prettier-ignore

/** The sample's arguments, with other values for each `variant`. */
function drawn({ name, definition }: NamedOp, sample: number, variant: number): readonly unknown[] {
  const dtype = claimedDTypes({ name, definition } as NamedOp).includes("float64")
    ? "float64"
    : claimedDTypes({ name, definition } as NamedOp)[0]!;
  const seed = seedOf(`${name} ${sample} transforms ${variant}`);
  return definition.samples[sample]!(createSampleSource({ dtype, device: "reference", seed }));
}

/** Why vmap cannot be asked of an op: it reads values on the host, or its size depends on them. */
const readsValues = /stands for every element|depends on|its size|has no single value|pass \{ size/;

function checkVmap(op: NamedOp, sample: number): void {
  const rows = [0, 1, 2].map((variant) => drawn(op, sample, variant));
  const tensors = rows.map((inputs) => tensorsIn(inputs));
  if (tensors[0]!.length === 0) return;
  const fits = tensors.every((row) =>
    row.every((x, i) => sameShape(x.shape, tensors[0]![i]!.shape)),
  );
  if (!fits) return;
  const call = (...given: Tensor[]): Tensor[] =>
    tensorsIn(op.call(...(withTensors(rows[0], given) as unknown[])));
  const batch = tensors[0]!.map((_, i) => stack(tensors.map((row) => row[i]!)));
  let mapped: Tensor[];
  try {
    mapped = func.vmap(call)(...batch);
  } catch (error) {
    if (readsValues.test((error as Error).message)) return;
    throw error;
  }
  const loop = tensors.map((row) => call(...row));
  mapped.forEach((result, i) => {
    const expected = stack(loop.map((row) => row[i]!));
    expect(difference(readSync(result), readSync(expected), tolerance)).toBeUndefined();
  });
}

/** A vector that no symmetry of an op cancels. */
const probe = (like: Tensor, phase: number): Tensor =>
  tensor(
    Float64Array.from({ length: like.size }, (_, i) => Math.sin(1.7 * i + phase)),
    { shape: like.shape, device: like.device },
  );

const dotOf = (a: Tensor, b: Tensor): number => a.to("float64").mul(b).sum().itemSync();

function checkModes(op: NamedOp, sample: number): void {
  const inputs = drawn(op, sample, 0);
  const [first, ...others] = tensorsIn(inputs);
  if (first === undefined || first.dtype !== "float64" || first.size === 0) return;
  const call = (x: Tensor): Tensor => {
    const results = tensorsIn(op.call(...(withTensors(inputs, [x, ...others]) as unknown[])));
    return results.find((result) => result.dtype === "float64") ?? results[0]!;
  };
  const result = noGrad(() => call(first));
  if (!isTensor(result) || result.dtype !== "float64" || result.size === 0) return;
  const [u, v] = [probe(result, 0.3), probe(first, 1.1)];
  const forward = func.jvp(call, first, v).tangent;
  const reverse = func.vjp(call, first);
  if (reverse.value.node === undefined) return;
  const [left, right] = [dotOf(forward, u), dotOf(reverse.pull(u), v)];
  if (!Number.isFinite(left) && !Number.isFinite(right)) return;
  expect(Math.abs(left - right)).toBeLessThanOrEqual(1e-8 * (1 + Math.abs(left)));
}

const chosen = lane === "full" ? ops : ops.filter((_, i) => i % 8 === 0);

describe("vmap equals a loop", () => {
  for (const op of chosen) {
    it(op.name, () => {
      op.definition.samples.forEach((_, sample) => scope(() => checkVmap(op, sample)));
    });
  }
});

describe("forward mode agrees with reverse mode", () => {
  for (const op of chosen.filter(({ definition }) => definition.isDifferentiable)) {
    it(op.name, () => {
      op.definition.samples.forEach((_, sample) => scope(() => checkModes(op, sample)));
    });
  }
});
