// Runs golden cases: calls Flambeau as PyTorch was called and compares values and gradients. Which
// call stands for which PyTorch function is golden-adapter.ts; the files are read by golden-data.ts.
import { type Tensor, autograd, isTensor, scope, tensor } from "@flambeau/core";
import { FlambeauError, isComplex, isContinuous, isDType, realDType, sameShape, showShape } from "@flambeau/core/extension"; // prettier-ignore
import { trackGradient } from "@flambeau/core/extension";
import { NotYet, PythonFloat, callTorch } from "./golden-adapter.ts";
import type { Encoded, FunctionCase, GoldenGroup, GoldenTensor, PlainRecord, TensorRecord } from "./golden-data.ts"; // prettier-ignore
import { differenceOfNumbers } from "./matchers.ts";

export type GoldenOutcome =
  | { readonly status: "pass"; readonly narrowIndices: boolean }
  | { readonly status: "fail" | "not yet"; readonly reason: string };

/**
 * Cases where Flambeau means something else on purpose, with the reason. A case that agrees after all
 * is a failure, so that this list stays true.
 */
export const deviations: { readonly [id: string]: string } = {
  "activation-0085": "PyTorch's float64 gradient of hardsigmoid uses 1/6 rounded to float32",
  "activation-0029": "PyTorch's float64 gradient of celu uses 1/alpha rounded to float32",
  "reduce-0221": "all() gives bool for uint8 too",
  "errors-0022": "slices may have negative steps",
  "errors-0070": "integer division by zero gives 0",
  "errors-0071": "integer division by zero gives 0",
  "errors-0073": "integers to negative powers give 0, or 1 and -1 for these bases",
  "errors-0078": "the condition of where may be of any dtype: what is not 0 counts as true",
  "errors-0091": "matmul promotes its operands as other ops do",
};

/** Thrown where values differ; caught by the runner. */
export class Mismatch extends Error {}

/** A tensor input that requires gradients, and where the case names it. */
export interface TrackedInput {
  readonly path: string;
  readonly tensor: Tensor;
}

/** Turns the arguments of a case into what the adapter takes. */
export class Decoder {
  readonly tracked: TrackedInput[] = [];
  readonly #tensors: ReadonlyMap<string, GoldenTensor>;
  /** Values that earlier steps of a program gave. */
  readonly variables = new Map<string, unknown>();

  constructor(tensors: ReadonlyMap<string, GoldenTensor>) {
    this.#tensors = tensors;
  }

  stored({ $t: name, dtype }: TensorRecord): GoldenTensor {
    const found = this.#tensors.get(name);
    if (found === undefined || !isDType(dtype) || realDType(dtype) !== found.dtype) {
      throw new NotYet(`dtype ${dtype}`);
    }
    return isComplex(dtype) ? { ...found, dtype, shape: found.shape.slice(0, -1) } : found;
  }

  tensor(record: TensorRecord): Tensor {
    const { data, shape, dtype } = this.stored(record);
    return tensor(data, { shape, dtype });
  }

  decode(value: Encoded, path: string): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.decode(item, `${path}.${i}`));
    if (typeof value !== "object") return value;
    if (value === null) return undefined;
    if ("$t" in value) {
      const record = value as TensorRecord;
      const x = this.tensor(record);
      if (record.grad) this.tracked.push({ path, tensor: trackGradient(x) });
      return x;
    }
    if ("$var" in value) return this.variables.get(value.$var as string);
    if ("$float" in value) return new PythonFloat(numberOf(value.$float));
    if ("$complex" in value) {
      const [re, im] = value.$complex as [unknown, unknown];
      return { re: numberOf(re), im: numberOf(im) };
    }
    if ("$dtype" in value) {
      if (isDType(value.$dtype)) return value.$dtype;
      throw new NotYet(`dtype ${String(value.$dtype)}`);
    }
    if ("$slice" in value) return value.$slice === null ? ":" : sliceText(value.$slice as never);
    if ("$ellipsis" in value) return "...";
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, this.decode(item, `${path}.${name}`)]),
    );
  }
}

const sliceText = ([start, end, step]: readonly (number | null)[]): string =>
  [start, end, ...(step === null || step === undefined ? [] : [step])]
    .map((n) => n ?? "")
    .join(":");

/** Floats are tagged; what JSON cannot hold is text. */
const numberOf = (value: unknown): number =>
  value === "inf" ? Infinity : value === "-inf" ? -Infinity : value === "nan" ? NaN : Number(value);

/** Results in PyTorch's order; a list that stands for one plain value stays whole. */
function resultsOf(value: unknown, count: number): unknown[] {
  const isPlainList = Array.isArray(value) && !value.some((x) => Array.isArray(x) || isTensor(x));
  if (count === 1 && isPlainList) return [value];
  return Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value];
}

interface Comparison {
  /** Whether int32 may stand for int64: positions are int32 here. */
  allowNarrow: boolean;
  narrowed: boolean;
}

/** Throws unless a result is what PyTorch gave. */
export function compare(
  what: string,
  actual: unknown,
  expected: TensorRecord | PlainRecord,
  decoder: Decoder,
  comparison: Comparison,
): void {
  if ("$v" in expected) return comparePlain(what, actual, expected.$v);
  if (expected.compare === "skip") return;
  if (!isTensor(actual)) throw new Mismatch(`${what}: got ${String(actual)}, expected a tensor`);
  const want = decoder.stored(expected);
  const narrow = comparison.allowNarrow && want.dtype === "int64" && actual.dtype === "int32";
  comparison.narrowed ||= narrow;
  if (actual.dtype !== want.dtype && !narrow) {
    throw new Mismatch(`${what}: dtype ${actual.dtype}, expected ${want.dtype}`);
  }
  if (!sameShape(actual.shape, want.shape)) {
    throw new Mismatch(
      `${what}: shape ${showShape(actual.shape)}, expected ${showShape(want.shape)}`,
    );
  }
  const [rtol, atol] = isContinuous(want.dtype) ? (expected.tol ?? [0, 0]) : [0, 0];
  const size = (x: number | bigint): number | bigint =>
    expected.compare === "abs" ? Math.abs(Number(x)) : x;
  const numbers = (data: ArrayLike<number | bigint>): (number | bigint)[] =>
    Array.from(data, (x) => size(narrow ? BigInt(x) : x));
  const problem = differenceOfNumbers(numbers(actual.dataSync()), numbers(want.data), {
    rtol,
    atol,
  });
  if (problem !== undefined) throw new Mismatch(`${what}: ${problem}`);
}

function comparePlain(what: string, actual: unknown, expected: unknown): void {
  const want = typeof expected === "object" && expected !== null && "$float" in expected
    ? numberOf(expected.$float)
    : expected; // prettier-ignore
  const got = typeof actual === "bigint" ? Number(actual) : (actual ?? null);
  if (Object.is(got, want) || JSON.stringify(got) === JSON.stringify(want)) return;
  throw new Mismatch(`${what}: got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`);
}

/** Runs one case on the default device. */
export function runGoldenCase(
  one: FunctionCase,
  tensors: ReadonlyMap<string, GoldenTensor>,
): GoldenOutcome {
  return outcomeOf(() => {
    const decoder = new Decoder(tensors);
    const args = decoder.decode(one.args, "args") as unknown[];
    const kwargs = decoder.decode(one.kwargs, "kwargs") as { [name: string]: unknown };
    if (one.throws) return expectRefusal(one, args, kwargs);
    // A dtype that Flambeau lacks in the results only.
    for (const record of one.out) if ("$t" in record) decoder.stored(record);
    const { result, indices } = callTorch(one.fn, args, kwargs);
    const results = resultsOf(result, one.out.length);
    if (results.length !== one.out.length) {
      throw new Mismatch(`${results.length} results, expected ${one.out.length}`);
    }
    const comparison: Comparison = { allowNarrow: false, narrowed: false };
    one.out.forEach((record, i) => {
      // Of several results the first holds values.
      comparison.allowNarrow = indices && (i > 0 || results.length === 1);
      compare(`result ${i}`, results[i], record, decoder, comparison);
    });
    if (one.grad_out !== undefined) compareGradients(one, results, decoder);
    return comparison.narrowed;
  });
}

function compareGradients(one: FunctionCase, results: readonly unknown[], decoder: Decoder): void {
  const positions = Object.keys(one.grad_out!).map(Number);
  const grads = autograd.grad(
    positions.map((position) => results[position] as Tensor),
    decoder.tracked.map((input) => input.tensor),
    {
      gradOutputs: Object.values(one.grad_out!).map((record) => decoder.tensor(record)),
      allowUnused: true,
    },
  );
  decoder.tracked.forEach(({ path }, i) => {
    const want = one.grad![path];
    const got = grads[i];
    if (want === null || want === undefined) {
      if (got !== undefined) throw new Mismatch(`gradient of ${path}: expected none`);
      return;
    }
    if (got === undefined) throw new Mismatch(`gradient of ${path}: missing`);
    compare(`gradient of ${path}`, got, want, decoder, { allowNarrow: false, narrowed: false });
  });
}

function expectRefusal(
  one: FunctionCase,
  args: readonly unknown[],
  kwargs: { readonly [name: string]: unknown },
): boolean {
  try {
    callTorch(one.fn, args, kwargs);
  } catch (error) {
    if (error instanceof FlambeauError) return false;
    throw error;
  }
  throw new Mismatch("did not throw");
}

/** Runs a body that throws where something differs; it returns whether indices were narrowed. */
export function outcomeOf(body: () => boolean): GoldenOutcome {
  try {
    return { status: "pass", narrowIndices: scope(body) };
  } catch (error) {
    if (error instanceof NotYet) return { status: "not yet", reason: error.message };
    if (error instanceof Mismatch) return { status: "fail", reason: error.message };
    return { status: "fail", reason: `threw ${String(error)}` };
  }
}

export interface GoldenReport {
  readonly group: string;
  passed: number;
  /** Of those passed: with int32 positions where PyTorch has int64. */
  narrowIndices: number;
  readonly failures: string[];
  /** Where Flambeau differs on purpose: the reasons. */
  readonly deviating: string[];
  /** What is not in Flambeau yet, with the number of cases. */
  readonly notYet: Map<string, number>;
}

/** Runs every case of a group. */
export function runGoldenGroup<Case extends { readonly id: string; readonly xcheck?: boolean }>(
  { group, cases }: Pick<GoldenGroup<Case>, "group" | "cases">,
  run: (one: Case) => GoldenOutcome,
  nameOf: (one: Case) => string,
): GoldenReport {
  const report: GoldenReport = {
    group,
    passed: 0,
    narrowIndices: 0,
    failures: [],
    deviating: [],
    notYet: new Map(),
  };
  for (const one of cases) {
    if (one.xcheck) continue;
    const outcome = run(one);
    const reason = deviations[one.id];
    if (reason !== undefined && outcome.status !== "not yet") {
      if (outcome.status === "fail") report.deviating.push(reason);
      else report.failures.push(`${one.id} ${nameOf(one)}: agrees, but a deviation is declared`);
    } else if (outcome.status === "fail") {
      report.failures.push(`${one.id} ${nameOf(one)}: ${outcome.reason}`);
    }
    if (outcome.status === "not yet") {
      const { notYet } = report;
      notYet.set(outcome.reason, (notYet.get(outcome.reason) ?? 0) + 1);
    }
    if (outcome.status === "pass") {
      report.passed++;
      if (outcome.narrowIndices) report.narrowIndices++;
    }
  }
  return report;
}

/** `binary 240 passed, 0 failed, 54 not yet: torch.gcd, dtype int8 (3)` */
export function showReport(report: GoldenReport): string {
  const { group, passed, narrowIndices, failures, deviating, notYet } = report;
  const missing = [...notYet].map(([what, count]) => (count === 1 ? what : `${what} (${count})`));
  const count = [...notYet.values()].reduce((sum, n) => sum + n, 0);
  const indices = narrowIndices === 0 ? "" : ` (${narrowIndices} with int32 positions)`;
  return (
    `${group}: ${passed} passed${indices}, ${failures.length} failed, ` +
    (deviating.length === 0
      ? ""
      : `${deviating.length} differ (${[...new Set(deviating)].join("; ")}), `) +
    `${count} not yet` +
    (missing.length === 0 ? "" : `: ${missing.toSorted().join(", ")}`)
  );
}
