// Gates: several scalar expressions of several operands in one kernel, with gradients of every order
// derived as one kernel each. Operands `[batch, parts · size]` hold their parts side by side, as the
// gates of recurrent cells do; those `[parts · size]` serve the whole batch. No public ops here.
import { apply, applyInto } from "../apply.ts";
import type { Load, MapKernel, Store } from "../compiler/kernel.ts";
import type { DType } from "../dtype.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { pullback } from "../scalar/derive.ts";
import { type Scalar, constant, leaf, nodesOf, s, substitute } from "../scalar/instruction.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { primitive } from "./define.ts";
import { sumTo } from "./reduction.ts";

/** One expression for each part of each result; arguments count through the parts of all operands. */
type Outputs = readonly (readonly Scalar[])[];

/** Where results go; see applyInto. */
export type Into = readonly (Tensor | undefined)[] | undefined;

/** Gradients of results: none, one, or several that add up. */
type Grads = readonly (Tensor | readonly Tensor[] | undefined)[];

type Pull = (
  operands: readonly Tensor[],
  grads: Grads,
  needs: readonly boolean[],
  into?: Into,
) => (Tensor | undefined)[];

type GateOperation = Operation<Record<string, never>> & { readonly pull: Pull };

const none = {};

const call = (operation: GateOperation, operands: readonly Tensor[], into: Into): Tensor[] =>
  into === undefined || into.every((one) => one === undefined)
    ? apply(operation, operands, none)
    : applyInto(operation, operands, none, into);

const argument = (position: number, dtype: DType): Scalar => leaf("arg", position, dtype);

/** Where the parts of each operand begin. */
const startsOf = (parts: readonly number[]): number[] =>
  parts.map((_, i) => parts.slice(0, i).reduce((sum, n) => sum + n, 0));

/** Which operand and part an argument is. */
function locate(parts: readonly number[], position: number): readonly [number, number] {
  let part = position;
  let operand = 0;
  while (part >= parts[operand]!) part -= parts[operand++]!;
  return [operand, part];
}

function gateKernel(
  inputs: readonly OperandDescription[],
  parts: readonly number[],
  outputs: Outputs,
): MapKernel {
  const [batch, width] = inputs[0]!.shape as [number, number];
  const size = width / parts[0]!;
  const { dtype } = inputs[0]!;
  const used = new Set<number>();
  for (const node of nodesOf(...outputs.flat())) if (node.op === "arg") used.add(node.position);
  const reads = [...used].toSorted((a, b) => a - b);
  const loads = reads.map((position): Load => {
    const [operand, part] = locate(parts, position);
    const { strides } = inputs[operand]!.layout;
    const last = strides.at(-1)!;
    const first = strides.length === 2 ? strides[0]! : 0;
    return { operand, dtype, offset: part * size * last, strides: [first, last] };
  });
  const stores = outputs.flatMap((expressions, operand) =>
    expressions.map((expression, part): Store => {
      const value = substitute(expression, "arg", (at) => leaf("load", reads.indexOf(at), dtype));
      const strides = [expressions.length * size, 1];
      return { operand, dtype, offset: part * size, strides, value };
    }),
  );
  return { kind: "map", axes: [batch, size], loads, params: [], stores };
}

/**
 * A pullback as an operation: operands, then `counts[i]` gradients of result i, to gradients of those operands
 * that need one.
 */
function pullOperation(
  name: string,
  parts: readonly number[],
  outputs: Outputs,
  { counts, needs }: { readonly counts: readonly number[]; readonly needs: readonly boolean[] },
): GateOperation {
  const { dtype } = outputs[0]![0]!;
  const count = parts.reduce((sum, n) => sum + n, 0);
  const given = outputs.flatMap((one, i) => new Array<readonly Scalar[]>(counts[i]!).fill(one));
  const values = given.flat();
  // One root for all results: what they share is derived once.
  const root = values
    .map((value, i) => s.mul(value, argument(count + i, dtype)))
    .reduce((sum, term) => s.add(sum, term));
  const found = pullback(root, constant(1, dtype), (node) =>
    node.op === "arg" && node.position < count ? node.position : undefined,
  );
  const starts = startsOf(parts);
  const wanted = parts.flatMap((n, operand) =>
    needs[operand]
      ? [Array.from({ length: n }, (_, part) => found.get(starts[operand]! + part) ?? constant(0, dtype))]
      : [],
  ); // prettier-ignore
  return gateOperation(`${name}Gradient`, [...parts, ...given.map((one) => one.length)], wanted);
}

function gateOperation(name: string, parts: readonly number[], outputs: Outputs): GateOperation {
  const pulls = new Map<string, GateOperation>();
  const operation = primitive<Record<string, never>>({
    name,
    infer: ([first]) => {
      const [batch, width] = first!.shape as [number, number];
      const size = width / parts[0]!;
      return outputs.map(({ length }) => ({ shape: [batch, length * size], dtype: first!.dtype }));
    },
    lower: (inputs) => gateKernel(inputs, parts, outputs),
    saves: (_, inputs) => ({ inputs: inputs.map((_input, i) => i) }),
    gradient({ grads, needs, inputs, input }) {
      const operands = inputs.map((_, i) => input(i));
      return pull(operands, grads, needs);
    },
  });

  /** Gradients of the operands that need one; `undefined` for the others. */
  const pull: Pull = (operands, grads, needs, into) => {
    const lists = grads.map((grad) => (grad === undefined ? [] : isTensor(grad) ? [grad] : grad));
    const counts = lists.map(({ length }) => length);
    const key = `${counts.join()} ${needs.join()}`;
    let found = pulls.get(key);
    if (found === undefined) {
      found = pullOperation(name, parts, outputs, { counts, needs });
      pulls.set(key, found);
    }
    const results = call(found, [...operands, ...lists.flat()], into);
    let next = 0;
    return operands.map(({ shape }, i) => (needs[i] ? sumTo(results[next++]!, shape) : undefined));
  };
  return Object.assign(operation, { pull });
}

export interface Gates {
  /** The results, each `[batch, parts · size]`; `into` says where to write some of them. */
  (operands: readonly Tensor[], into?: Into): Tensor[];
  /** Gradients of those operands that need one, from gradients of results; `into` counts only the former. */
  readonly pull: Pull;
}

/**
 * A function of operands with the given numbers of parts; `body` gets the parts of each operand and
 * gives those of each result.
 */
export function gates(
  name: string,
  parts: readonly number[],
  body: (...operands: Scalar[][]) => Scalar[][],
): Gates {
  const operations = new Map<DType, GateOperation>();
  const forDType = (dtype: DType) => {
    let operation = operations.get(dtype);
    if (operation === undefined) {
      const starts = startsOf(parts);
      const operands = parts.map((n, operand) =>
        Array.from({ length: n }, (_, part) => argument(starts[operand]! + part, dtype)),
      );
      operation = gateOperation(name, parts, body(...operands));
      operations.set(dtype, operation);
    }
    return operation;
  };
  const pull: Pull = (operands, grads, needs, into) =>
    forDType(operands[0]!.dtype).pull(operands, grads, needs, into);
  const run = (operands: readonly Tensor[], into?: Into) =>
    call(forDType(operands[0]!.dtype), operands, into);
  return Object.assign(run, { pull });
}
