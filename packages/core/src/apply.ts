// apply: the single gate that each op call passes. It runs the op now (eager), notes it for backward
// (taped) or hands it to the tracer (traced). Nothing else records or executes.
import { type CallPlan, OperationNode, planCall } from "./autograd/tape.ts";
import { compileKernel } from "./compiler/compile.ts";
import type { Kernel } from "./compiler/kernel.ts";
import { dtypeOfNumber, isComplex, isComplexNumber, isContinuous } from "./dtype.ts";
import { DTypeError, FlambeauError, IndexError } from "./errors.ts";
import { modes, noGrad } from "./modes.ts";
import {
  type Attributes,
  type Description,
  HostValue,
  type OperandDescription,
  type Operation,
  type TensorLike,
} from "./operation.ts";
import type { Prepared, Target, Work } from "./prepared.ts";
import { type Device, bytesFor, defaultDevice, device as findDevice } from "./runtime/device.ts";
import { Storage } from "./runtime/storage.ts";
import { layoutOf } from "./shape.ts";
import { type Tensor, isTensor, makeTensor } from "./tensor.ts";
import type { Variable } from "./variable.ts";

const scalarLayout = layoutOf([]);
const none: readonly never[] = [];

/** What an op may know of an operand. */
export function describe(operand: TensorLike): OperandDescription {
  if (isTensor(operand)) {
    const { layout, dtype } = operand;
    return { shape: layout.shape, dtype, layout, isNumber: false };
  }
  if (isComplexNumber(operand)) {
    throw new DTypeError(
      "a complex number stands where only real ones can. Make a tensor of it: tensor({ re, im }).",
    );
  }
  const dtype = operand instanceof HostValue ? "float32" : dtypeOfNumber(operand);
  return { shape: [], dtype, layout: scalarLayout, isNumber: true };
}

/** Where an op without tensor operands runs: creation ops name a device among their attributes. */
export const deviceWithoutOperands = ({ device }: Attributes): Device =>
  typeof device === "string" ? findDevice(device) : defaultDevice();

function deviceOf(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): Device {
  let found: Device | undefined;
  for (const input of inputs) {
    if (!isTensor(input)) continue;
    if (found === undefined) found = input.device;
    else if (found !== input.device) {
      throw new FlambeauError(
        `${operation.name}: operands are on ${found.name} and ${input.device.name}. Move one with ` +
          `t.to(device("${found.name}")).`,
      );
    }
  }
  return found ?? deviceWithoutOperands(attributes);
}

/** The loops of an op; what complex numbers do not have is an error of the op. */
function lower(
  operation: Operation,
  inputs: readonly OperandDescription[],
  attributes: Attributes,
  outputs: readonly Description[],
): Kernel {
  try {
    return operation.lower(inputs, attributes, outputs);
  } catch (error) {
    const complex = inputs.find(({ dtype }) => isComplex(dtype));
    if (!(error instanceof DTypeError) || complex === undefined) throw error;
    const { name } = operation;
    throw new DTypeError(`${name}: ${complex.dtype} is not accepted. ${error.message}`, { cause: error });
  }
} // prettier-ignore

/** Works a call out: what it gives, and the view or the kernel that gives it. */
function work(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
  device: Device,
): Work {
  const descriptions = inputs.map(describe);
  // Also views check what they are asked before they look.
  const outputs = operation.infer(descriptions, attributes);
  const [first] = inputs;
  const view = isTensor(first)
    ? operation.view?.(first.layout, first.offset, attributes)
    : undefined;
  if (view !== undefined) {
    return { inputs: descriptions, outputs, view, targets: [], executable: undefined };
  }
  for (const { dtype } of outputs) device.requireDType(dtype);
  const layouts = outputs.map(({ shape }) => layoutOf(shape));
  const kernel = lower(operation, descriptions, attributes, outputs);
  const tensors = descriptions.filter(({ isNumber }) => !isNumber);
  const targets = outputs.map(({ dtype }, i): Target => {
    const layout = layouts[i]!;
    return { dtype, layout, bytes: bytesFor(layout.size, dtype) };
  });
  const executable = compileKernel(kernel, tensors, layouts, device);
  return { inputs: descriptions, outputs, view, targets, executable };
}

/** The prepared form of a call. */
function prepare(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): Prepared {
  const first = inputs[0];
  const device = isTensor(first) ? first.device : deviceOf(operation, inputs, attributes);
  return (
    operation.prepared.find(inputs, attributes, device) ?? prepareNow(operation, inputs, attributes)
  );
}

function prepareNow(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): Prepared {
  const device = deviceOf(operation, inputs, attributes);
  return operation.prepared.prepare(inputs, attributes, device, () =>
    work(operation, inputs, attributes, device),
  );
}

/** Runs a prepared call; `kept` are tensors to write results to, where there are any. */
function execute(
  prepared: Prepared,
  operation: Operation,
  inputs: readonly TensorLike[],
  kept?: readonly (Tensor | undefined)[],
): Tensor[] {
  const { view, targets, device } = prepared;
  if (view !== undefined) {
    const { storage } = inputs[0] as Tensor;
    return [makeTensor(prepared.outputs[0]!.dtype, view.layout, storage, view.offset)];
  }
  // Tensors are operands as they are; only where numbers stand among them they are sorted out.
  let buffers = inputs as readonly Tensor[];
  let params: readonly (number | bigint)[] = none;
  if (prepared.hasNumbers) {
    params = paramsOf(inputs);
    buffers = tensorsOf(inputs, inputs.length - params.length);
  }
  for (let i = 0; i < buffers.length; i++) buffers[i]!.requireValue();
  const results = new Array<Tensor>(targets.length);
  for (let i = 0; i < targets.length; i++) {
    const { dtype, layout, bytes } = targets[i]!;
    results[i] = kept?.[i] ?? makeTensor(dtype, layout, Storage.allocate(device, bytes));
  }
  try {
    prepared.executable!(buffers, results, params);
  } catch (error) {
    // Kernels know positions and sizes; which op they serve is known here.
    if (!(error instanceof IndexError)) throw error;
    throw new IndexError(`${operation.name}: ${error.message}`, { cause: error });
  }
  return results;
}

function paramsOf(inputs: readonly TensorLike[]): (number | bigint)[] {
  const params: (number | bigint)[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    if (isTensor(input)) continue;
    if (input instanceof HostValue) params.push(input.read());
    else params.push(typeof input === "boolean" ? Number(input) : (input as number | bigint));
  }
  return params;
}

function tensorsOf(inputs: readonly TensorLike[], count: number): Tensor[] {
  const tensors = new Array<Tensor>(count);
  let at = 0;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    if (isTensor(input)) tensors[at++] = input;
  }
  return tensors;
}

/** Runs an op now, recording nothing. @internal For replaying graphs. */
export const run = (
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): Tensor[] => execute(prepare(operation, inputs, attributes), operation, inputs);

function needsGradient(operation: Operation, inputs: readonly TensorLike[]): boolean {
  if (!modes.gradient || operation.gradient === undefined) return false;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (isTensor(input) && input.node !== undefined) return true;
  }
  return false;
}

const isBatched = (input: TensorLike): boolean => isTensor(input) && input.batched !== undefined;

/**
 * Calls an op. Results are new tensors, or views where the op allows; they require gradients when an
 * operand does and gradients are enabled.
 */
export function apply<A extends Attributes>(
  op: Operation<A>,
  inputs: readonly TensorLike[],
  attributes: A,
): Tensor[] {
  const operation = op as unknown as Operation;
  if (modes.recorder !== undefined || modes.batch !== undefined) {
    return applyInMode(operation, inputs, attributes);
  }
  const prepared = prepare(operation, inputs, attributes);
  const results = execute(prepared, operation, inputs);
  if (prepared.isContinuous && needsGradient(operation, inputs)) {
    const plan = planOf(prepared, operation, inputs, attributes);
    new OperationNode(operation, attributes, inputs, plan).record(inputs, results);
  }
  if (modes.inspector !== undefined) modes.inspector.result?.(operation.name, results);
  return results;
}

/**
 * `apply` outside traces and `vmap`, unrecorded: results go to the row-major tensors of `into` where there are
 * any. @internal
 */
export function applyInto<A extends Attributes>(
  op: Operation<A>,
  inputs: readonly TensorLike[],
  attributes: A,
  into: readonly (Tensor | undefined)[],
): Tensor[] {
  const operation = op as unknown as Operation;
  const results = execute(prepare(operation, inputs, attributes), operation, inputs, into);
  modes.inspector?.result?.(operation.name, results);
  return results;
}

/**
 * Calls an op whose results are the next values of its first operands, `targets`, and assigns them. Where
 * nobody else holds the memory of a target, the kernel writes there: each element of a target may be read
 * only for the element that takes its place. Never recorded for gradients.
 */
export function applyUpdate<A extends Attributes>(
  op: Operation<A>,
  targets: readonly Variable[],
  operands: readonly TensorLike[],
  attributes: A,
): void {
  const inputs = [...targets, ...operands];
  const { recorder, batch, inspector } = modes;
  if (recorder !== undefined || batch !== undefined || inspector !== undefined) {
    const results = noGrad(() => apply(op, inputs, attributes));
    for (let i = 0; i < targets.length; i++) targets[i]!.assign(results[i]!);
    return;
  }
  const operation = op as unknown as Operation;
  const prepared = prepare(operation, inputs, attributes);
  const mayStore = prepared.device.backend.updatesInPlace === true;
  const kept = targets.map((target, i) =>
    mayStore &&
    target.layout === prepared.targets[i]!.layout &&
    target.dtype === prepared.targets[i]!.dtype &&
    target.storage.isSoleOwner &&
    inputs.indexOf(target) === i &&
    inputs.lastIndexOf(target) === i
      ? target
      : undefined,
  );
  const results = execute(prepared, operation, inputs, kept);
  for (let i = 0; i < targets.length; i++) {
    if (kept[i] !== undefined) continue;
    targets[i]!.assign(results[i]!);
    results[i]!.dispose();
  }
}

/** `apply` inside a trace or `vmap`. */
function applyInMode(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): Tensor[] {
  const { recorder, batch } = modes;
  if (batch !== undefined && inputs.some(isBatched)) {
    const results = batch.operation(operation, inputs, attributes);
    tape(operation, inputs, attributes, results);
    return results;
  }
  const operands = recorder === undefined ? inputs : recorder.resolve(inputs);
  const results =
    recorder === undefined
      ? run(operation, operands, attributes)
      : recorder.record(operation, operands, attributes);
  tape(operation, operands, attributes, results);
  if (recorder === undefined) modes.inspector?.result?.(operation.name, results);
  return results;
}

/** Records a call that was not prepared, if it needs recording. */
function tape(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
  results: readonly Tensor[],
): void {
  if (!needsGradient(operation, inputs)) return;
  const outputs = results.map(({ shape, dtype }) => ({ shape, dtype }));
  if (!outputs.some(({ dtype }) => isContinuous(dtype))) return;
  const plan = planCall(operation, attributes, needsOf(inputs), inputs.map(describe), outputs);
  new OperationNode(operation, attributes, inputs, plan).record(inputs, results);
}

const needsOf = (inputs: readonly TensorLike[]): boolean[] =>
  inputs.map((input) => isTensor(input) && input.node !== undefined);

/** How a prepared call is recorded; worked out once for each choice of operands that need gradients. */
function planOf(
  prepared: Prepared,
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): CallPlan {
  const { plans } = prepared;
  for (let i = 0; i < plans.length; i++) {
    if (fits(plans[i]!, inputs)) return plans[i]!;
  }
  const plan = planCall(operation, attributes, needsOf(inputs), prepared.inputs, prepared.outputs);
  prepared.plans = [plan, ...plans.slice(0, 7)];
  return plan;
}

function fits({ needs }: CallPlan, inputs: readonly TensorLike[]): boolean {
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (needs[i] !== (isTensor(input) && input.node !== undefined)) return false;
  }
  return true;
}
