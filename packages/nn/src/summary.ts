// Keras's summary of a model: a dry run on the null device that notes what each layer gives.
import {
  type DType,
  FlambeauError,
  Parameter,
  type Tensor,
  defaultDevice,
  device,
  eagerly,
  noGrad,
  scope,
  setDefaultDevice,
  zeros,
} from "@flambeau/core";
import { convert } from "./buffer.ts";
import { tensorsIn } from "./hidden-parameters.ts";
import type { Module } from "./module.ts";
import { slotsOf, variableSlots } from "./walk.ts";

export interface SummaryOptions {
  /** Of the input: `"int64"` for models that start with an embedding. */
  readonly dtype?: DType;
}

interface Row {
  readonly depth: number;
  readonly label: string;
  shape: string;
  readonly count: number;
}

const show = (output: unknown): string =>
  tensorsIn(output)
    .map(({ shape }) => `[${shape.join(", ")}]`)
    .join(" ");

const count = (tensors: readonly Tensor[]): number =>
  tensors.reduce((sum, { size }) => sum + size, 0);

/** Runs `body` with all state of the model on the null device. */
function onNullDevice(model: Module, body: () => void): void {
  const target = device("null");
  const before = defaultDevice();
  const slots = variableSlots(model).map(([, slot]) => slot);
  const values = slots.map(({ value }) => value);
  const stands = new Map(
    values.map((value) => [
      value,
      convert(value, (x) => zeros(x.shape, { dtype: x.dtype, device: target })),
    ]),
  );
  setDefaultDevice(target);
  try {
    for (const slot of slots) slot.replace(stands.get(slot.value)!);
    body();
  } finally {
    slots.forEach((slot, i) => slot.replace(values[i]!));
    setDefaultDevice(before);
  }
}

/** Rows in the order of the tree, with the shapes that the layers gave. */
function measure(model: Module, inputShape: readonly number[], dtype: DType): Row[] {
  const rows = new Map<Module, Row>();
  for (const [name, module] of model.namedModules()) {
    const type = module.constructor.name;
    rows.set(module, {
      depth: name === "" ? 0 : name.split(".").length,
      label: name === "" ? type : `${name} (${type})`,
      shape: "",
      count: count(
        slotsOf(module).flatMap(({ value }) => (value instanceof Parameter ? [value] : [])),
      ),
    });
  }
  const handles = [...rows].map(([module, row]) =>
    module.registerForwardHook((_, __, output) => {
      row.shape = show(output);
      return undefined;
    }),
  );
  const modes = [...rows.keys()].map((module) => module.training);
  const run = (): void =>
    eagerly(() =>
      noGrad(() =>
        scope(
          () => void (model as unknown as (x: Tensor) => unknown)(zeros(inputShape, { dtype })),
        ),
      ),
    );
  model.eval();
  try {
    onNullDevice(model, run);
  } catch (error) {
    if (!(error instanceof FlambeauError)) throw error;
    // A forward that reads values, or holds tensors of another device, needs the real one.
    run();
  } finally {
    for (const handle of handles) handle.remove();
    // Parents first: what they set below them is then set right.
    [...rows.keys()].forEach((module, i) => module.train(modes[i]!));
  }
  return [...rows.values()];
}

const grouped = (value: number): string => value.toLocaleString("en-US");

export function summarize(
  model: Module,
  inputShape: readonly number[],
  options: SummaryOptions,
): string {
  const rows = measure(model, inputShape, options.dtype ?? "float32");
  const table = [
    ["Layer", "Output shape", "Parameters"],
    ...rows.map(({ depth, label, shape, count: own }) => [
      "  ".repeat(depth) + label,
      shape,
      own === 0 ? "" : grouped(own),
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map(([layer, shape, number]) =>
    `${layer!.padEnd(widths[0]!)}  ${shape!.padEnd(widths[1]!)}  ${number!.padStart(widths[2]!)}`.trimEnd(),
  );
  const rule = "─".repeat(widths[0]! + widths[1]! + widths[2]! + 4);
  lines.splice(1, 0, rule);
  const parameters = model.parameters();
  const trainable = count(parameters.filter(({ requiresGrad }) => requiresGrad));
  const total = count(parameters);
  return [
    ...lines,
    rule,
    `Parameters: ${grouped(total)}`,
    `Trainable: ${grouped(trainable)}`,
    `Not trainable: ${grouped(total - trainable)}`,
    `Buffers: ${grouped(count(model.buffers()))}`,
  ].join("\n");
}
