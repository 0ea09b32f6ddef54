// The graph that tracing records: values and the op calls that make them. Recording is in record.ts,
// text in print.ts, replay in run.ts.
import type { DType } from "../dtype.ts";
import type { Attributes, HostValue, Operation } from "../operation.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

export interface GraphValue {
  readonly id: number;
  /** The user's line that made it, where it is known. */
  readonly position?: string | undefined;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** An operand of a node: a value, a number fixed at tracing, or one read before each replay. */
export type GraphOperand = GraphValue | number | bigint | boolean | HostValue;

export interface GraphNode {
  readonly operation: Operation;
  readonly attributes: Attributes;
  readonly inputs: readonly GraphOperand[];
  readonly outputs: readonly GraphValue[];
  /** The user's line that made the call, where it is known. */
  readonly position: string | undefined;
}

/** A piece of state: what it holds before the program runs. */
export interface StateSlot {
  readonly kind: "value" | "gradient";
  readonly owner: Tensor;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphValue[];
  /** Tensors met while tracing that no input stands for. */
  readonly constants: readonly { readonly value: GraphValue; readonly tensor: Tensor }[];
  /** State read by the program. */
  readonly reads: readonly { readonly value: GraphValue; readonly slot: StateSlot }[];
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly GraphValue[];
  /** State written by the program, in the order of first writes; `undefined` clears a gradient. */
  readonly writes: readonly { readonly value: GraphValue | undefined; readonly slot: StateSlot }[];
}

export const isGraphValue = (operand: GraphOperand): operand is GraphValue =>
  typeof operand === "object" && "shape" in operand;
