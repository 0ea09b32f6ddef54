// From a kernel of any dtype to something callable: its stages (stages.ts) run one after another.
import type { OperandDescription } from "../operation.ts";
import type { Executable, Operand } from "../runtime/backend.ts";
import type { Device } from "../runtime/device.ts";
import type { Layout } from "../shape.ts";
import type { Kernel } from "./kernel.ts";
import { type Stage, type StageRef, type Stages, elementSizes, stagesOf } from "./stages.ts";

/** Prepares a kernel. `inputs` are its tensors, `outputs` how its results lie. */
export function compileKernel(
  kernel: Kernel,
  inputs: readonly OperandDescription[],
  outputs: readonly Layout[],
  device: Device,
): Executable {
  const stages = stagesOf(kernel, inputs, outputs, device.backend);
  const [first] = stages.list;
  const isDirect = stages.list.length === 1 && isCalledAlike(kernel, first!);
  return isDirect ? device.backend.compile(first!.kernel) : compileStages(kernel, stages, device);
}

/** Whether the only stage takes the kernel's operands as they are. Complex ones count parts, not elements. */
function isCalledAlike(kernel: Kernel, { kernel: own, inputs, outputs }: Stage): boolean {
  const [given, counted] = [elementSizes(kernel), elementSizes(own)];
  const same = (refs: readonly StageRef[], before: readonly number[], after: readonly number[]) =>
    after.every((size, i) => size === before[i] && refs[i]!.index === i);
  return (
    same(inputs, given.inputs, counted.inputs) && same(outputs, given.outputs, counted.outputs)
  );
}

/** Temporaries start at multiples of it, in bytes. */
const alignment = 64;

const noParams: readonly never[] = [];

function compileStages(kernel: Kernel, { list, temporaries }: Stages, device: Device): Executable {
  const units = elementSizes(kernel);
  let scratchBytes = 0;
  const scratchAt = temporaries.map((bytes) => {
    const at = scratchBytes;
    scratchBytes += Math.ceil(bytes / alignment) * alignment;
    return at;
  });
  /** The operand in its buffer, counted as the stage does. */
  const bind = ({ space, index, bytes }: StageRef, element: number) => {
    const isTemporary = space === "temporary";
    const unit = isTemporary ? 1 : ((space === "input" ? units.inputs : units.outputs)[index] ?? 1);
    const scale = isTemporary ? 0 : unit / element;
    const offset = (isTemporary ? scratchAt[index]! + bytes : bytes) / element;
    return { space, index: isTemporary ? 0 : index, scale, offset };
  };
  type Bound = ReturnType<typeof bind>;
  const steps = list.map((stage) => {
    const sizes = elementSizes(stage.kernel);
    return {
      run: device.backend.compile(stage.kernel),
      sources: sizes.inputs.map((size, i) => bind(stage.inputs[i]!, size)),
      targets: sizes.outputs.map((size, i) => bind(stage.outputs[i]!, size)),
      hasParams: stage.kernel.kind !== "routine" && stage.kernel.params.length > 0,
    };
  });
  const runAll = (
    input: readonly Operand[],
    output: readonly Operand[],
    temporary: readonly Operand[],
    params: readonly (number | bigint)[],
  ): void => {
    const spaces = { input, output, temporary };
    const place = ({ space, index, scale, offset }: Bound): Operand => {
      const given = spaces[space][index]!;
      return { handle: given.handle, offset: given.offset * scale + offset };
    };
    for (const { run, sources, targets, hasParams } of steps) {
      run(sources.map(place), targets.map(place), hasParams ? params : noParams);
    }
  };
  if (temporaries.length === 0) {
    return (inputs, outputs, params) => runAll(inputs, outputs, [], params);
  }
  return (inputs, outputs, params) => {
    const handle = device.allocate(scratchBytes);
    try {
      runAll(inputs, outputs, [{ handle, offset: 0 }], params);
    } finally {
      device.free(handle, scratchBytes);
    }
  };
}
