// apply: the single gate that each op call passes. It runs the op now (eager), notes it for backward
// (taped) or hands it to the tracer (traced). Nothing else records or executes.
import { OperationNode } from "./autograd/tape.ts";
import { compileKernel } from "./compiler/compile.ts";
import type { Kernel } from "./compiler/kernel.ts";
import { dtypeOfNumber, isComplex, isComplexNumber, isContinuous } from "./dtype.ts";
import { DTypeError, FlambeauError, IndexError } from "./errors.ts";
import { modes } from "./modes.ts";
import {
  type Attributes,
  type Description,
  HostValue,
  type OperandDescription,
  type Operation,
  type TensorLike,
  attributesText,
} from "./operation.ts";
import type { Executable, Operand } from "./runtime/backend.ts";
import { type Device, bytesFor, defaultDevice, device as findDevice } from "./runtime/device.ts";
import { Storage } from "./runtime/storage.ts";
import { type Layout, layoutOf } from "./shape.ts";
import { type Tensor, isTensor, makeTensor } from "./tensor.ts";

/** A kernel made ready for operands of certain layouts. */
interface Prepared {
  readonly outputs: readonly { readonly description: Description; readonly layout: Layout }[];
  readonly executable: Executable;
}

/** Prepared kernels that an op keeps; beyond it the oldest are forgotten. */
const preparedLimit = 512;
const scalarLayout = layoutOf([]);

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

function prepare(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
  device: Device,
): Prepared {
  const descriptions = inputs.map(describe);
  const outputs = operation.infer(descriptions, attributes);
  for (const { dtype } of outputs) device.requireDType(dtype);
  const layouts = outputs.map(({ shape }) => layoutOf(shape));
  const kernel = lower(operation, descriptions, attributes, outputs);
  const tensors = descriptions.filter(({ isNumber }) => !isNumber);
  return {
    outputs: outputs.map((description, i) => ({ description, layout: layouts[i]! })),
    executable: compileKernel(kernel, tensors, layouts, device),
  };
}

/** Small numbers for the dtypes and kinds of number in cache keys. */
function keyOf(operand: TensorLike): string {
  if (isTensor(operand)) return `${operand.dtype}${operand.layout.id},`;
  if (typeof operand === "number") return Number.isInteger(operand) ? "i," : "f,";
  return operand instanceof HostValue ? "f," : typeof operand === "boolean" ? "b," : "i,";
}

function execute(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
  device: Device,
): Tensor[] {
  let key = device.name;
  for (const input of inputs) key += keyOf(input);
  key += attributesText(attributes);
  const cache = operation.prepared as Map<string, Prepared>;
  let prepared = cache.get(key);
  if (prepared === undefined) {
    prepared = prepare(operation, inputs, attributes, device);
    if (cache.size >= preparedLimit) cache.delete(cache.keys().next().value!);
    cache.set(key, prepared);
  }
  const buffers: Operand[] = [];
  const params: (number | bigint)[] = [];
  for (const input of inputs) {
    if (isTensor(input)) buffers.push({ handle: input.storage.handle, offset: input.offset });
    else if (input instanceof HostValue) params.push(input.read());
    else params.push(typeof input === "boolean" ? Number(input) : (input as number | bigint));
  }
  const results: Tensor[] = [];
  const targets: Operand[] = [];
  for (const { description, layout } of prepared.outputs) {
    const storage = new Storage(device, bytesFor(layout.size, description.dtype));
    results.push(makeTensor(description.dtype, layout, storage));
    targets.push({ handle: storage.handle, offset: 0 });
  }
  try {
    prepared.executable(buffers, targets, params);
  } catch (error) {
    // Kernels know positions and sizes; which op they serve is known here.
    if (!(error instanceof IndexError)) throw error;
    throw new IndexError(`${operation.name}: ${error.message}`, { cause: error });
  }
  return results;
}

/** The view of one tensor that an op gives, or `undefined` where it must copy. */
function view(operation: Operation, input: Tensor, attributes: Attributes): Tensor | undefined {
  if (operation.view === undefined) return undefined;
  // Views check what they are asked before they look.
  const [description] = operation.infer([describe(input)], attributes);
  const placed = operation.view(input.layout, input.offset, attributes);
  if (placed === undefined) return undefined;
  return makeTensor(description!.dtype, placed.layout, input.storage, placed.offset);
}

/** Runs an op now, recording nothing. @internal For replaying graphs. */
export function run(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
): Tensor[] {
  const first = inputs[0];
  if (operation.view !== undefined && isTensor(first)) {
    const result = view(operation, first, attributes);
    if (result !== undefined) return [result];
  }
  return execute(operation, inputs, attributes, deviceOf(operation, inputs, attributes));
}

function needsGradient(operation: Operation, inputs: readonly TensorLike[]): boolean {
  if (!modes.gradient || operation.gradient === undefined) return false;
  for (const input of inputs) if (isTensor(input) && input.node !== undefined) return true;
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
  const { recorder, batch } = modes;
  if (batch !== undefined && inputs.some(isBatched)) {
    const results = batch.operation(operation, inputs, attributes);
    if (needsGradient(operation, inputs)) tape(operation, inputs, attributes, results);
    return results;
  }
  const operands = recorder === undefined ? inputs : recorder.resolve(inputs);
  const results =
    recorder === undefined
      ? run(operation, operands, attributes)
      : recorder.record(operation, operands, attributes);
  if (needsGradient(operation, operands)) tape(operation, operands, attributes, results);
  if (recorder === undefined) modes.inspector?.result?.(operation.name, results);
  return results;
}

function tape(
  operation: Operation,
  inputs: readonly TensorLike[],
  attributes: Attributes,
  results: readonly Tensor[],
): void {
  const outputs = results.map(({ shape, dtype }) => ({ shape, dtype }));
  if (!outputs.some(({ dtype }) => isContinuous(dtype))) return;
  const node = new OperationNode(operation, attributes, inputs, inputs.map(describe), outputs);
  results.forEach((result, i) => {
    if (!isContinuous(result.dtype)) return;
    result.node = node;
    result.outputIndex = i;
  });
  node.save(inputs, results);
}
