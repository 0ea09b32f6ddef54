// Clipping against PyTorch, and its errors.
import { Parameter, tensor, zeros } from "@flambeau/core";
import { expect, test } from "vitest";
import { readFixture } from "./fixtures.ts";
import { clipGradNorm, clipGradValue } from "./index.ts";

interface NormCase {
  readonly total_norm: number;
  readonly grads: readonly [number[][], number[]];
}
const fixture = readFixture<{
  readonly "clip_norm_1.0": NormCase;
  readonly "clip_norm_2.0": NormCase;
  readonly clip_norm_inf: NormCase;
  readonly "clip_value_.5": readonly [number[][], number[]];
  readonly grads_in: readonly [number[][], number[]];
}>("clip.json");

function parameters(): Parameter[] {
  return fixture.grads_in.map((grad) => {
    const given = tensor(grad);
    const parameter = new Parameter(zeros(given.shape));
    parameter.grad = given;
    return parameter;
  });
}

const gradsOf = (given: readonly Parameter[]): number[] =>
  given.flatMap(({ grad }) => [...(grad!.dataSync() as Float32Array)]);

const expectNear = (actual: readonly number[], expected: readonly number[]): void =>
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));

test.each([
  ["clip_norm_1.0", 1],
  ["clip_norm_2.0", 2],
  ["clip_norm_inf", Infinity],
] as const)("%s", (name, normType) => {
  const { total_norm: norm, grads } = fixture[name];
  const given = parameters();
  // What the limit was follows from any clipped element.
  const limit = (norm * grads[1][0]!) / fixture.grads_in[1][0]!;
  expect(clipGradNorm(given, limit, { normType }).itemSync()).toBeCloseTo(norm, 5);
  expectNear(gradsOf(given), grads.flat(2));
});

test("a norm below the limit changes nothing", () => {
  const given = parameters();
  clipGradNorm(given, 1000);
  expectNear(gradsOf(given), fixture.grads_in.flat(2));
});

test("values", () => {
  const given = parameters();
  clipGradValue(given, 0.5);
  expectNear(gradsOf(given), fixture["clip_value_.5"].flat(2));
});

test("without gradients the norm is 0", () => {
  expect(clipGradNorm([new Parameter(zeros([2]))], 1).itemSync()).toBe(0);
});

test("errors say what to do", () => {
  expect(() => clipGradNorm(parameters(), 1, { normType: 0 })).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: clipGradNorm: expected a norm above 0, got 0.]`,
  );
});
