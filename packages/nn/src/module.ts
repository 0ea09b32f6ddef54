// Module: the base of every layer and model. How fields are found is in walk.ts, printing in
// outline.ts and summary.ts, ready-made layers in layers/.
import {
  type DType,
  Device,
  device as findDevice,
  FlambeauError,
  type HookHandle,
  Parameter,
  type Tensor,
  type Variable,
  eagerly,
  guarded,
  noGrad,
  scope,
} from "@flambeau/core";
import { isDType, isFloat } from "@flambeau/core/extension";
import { convert, isPersistent } from "./buffer.ts";
import { Callable, invoke } from "./callable.ts";
import { requireReachable } from "./hidden-parameters.ts";
import {
  type BackwardHook,
  type ForwardHook,
  type ForwardPreHook,
  HookList,
  withBackwardHooks,
} from "./hooks.ts";
import { outline } from "./outline.ts";
import { mayBeMissing } from "./state-names.ts";
import { type SummaryOptions, summarize } from "./summary.ts";
import { type Slot, isModule, moduleTree, once, slotsOf, variableSlots, walked } from "./walk.ts";

/** Tensors by name, as checkpoints hold them. */
export type StateDict = { readonly [name: string]: Tensor };

/** What did not match in a lenient `loadStateDict`. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** Calls in progress: only the outermost model is checked for hidden parameters. */
let depth = 0;

/** Calling a module runs `forward` between its hooks. */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging
export interface Module {
  (...inputs: Parameters<this["forward"]>): ReturnType<this["forward"]>;
}

/**
 * A piece of a model: parameters in fields, and `forward`. Instances are functions: `model(x)` has the
 * types of `forward`. Fields are found by themselves, also in arrays and plain objects. Names of
 * parameters are PyTorch's: field names joined by dots, `runningMean` as `running_mean`.
 * `torch.nn.Module`.
 */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging
export abstract class Module extends Callable {
  #training = true;
  #isChecked = false;
  readonly #preHooks = new HookList<ForwardPreHook>();
  readonly #forwardHooks = new HookList<ForwardHook>();
  readonly #backwardHooks = new HookList<BackwardHook>();

  abstract forward(...inputs: never[]): unknown;

  /** Whether layers such as dropout act as in training. Traced programs depend on it. */
  get training(): boolean {
    return guarded(() => this.#training);
  }

  /** @internal */
  override [invoke](given: unknown[]): unknown {
    let inputs = given;
    let output: unknown;
    depth++;
    try {
      if (this.#preHooks.size > 0) {
        for (const hook of this.#preHooks) inputs = hook(this, inputs) ?? inputs;
      }
      output =
        this.#backwardHooks.size === 0
          ? this.forward(...(inputs as never[]))
          : withBackwardHooks(this, this.#backwardHooks, inputs, (values) =>
              this.forward(...(values as never[])),
            );
      if (this.#forwardHooks.size > 0) {
        for (const hook of this.#forwardHooks) output = hook(this, inputs, output) ?? output;
      }
    } finally {
      depth--;
    }
    if (depth === 0 && !this.#isChecked) this.#isChecked = requireReachable(this, inputs, output);
    return output;
  }

  /** @internal Where the fields are that the walk reads. */
  [walked](): object {
    return this;
  }

  /** What stands in the parentheses when the module is printed. */
  extraRepr(): string {
    return "";
  }

  /** Every parameter once, children's included, in PyTorch's order. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** `[name, parameter]`, each parameter once. */
  namedParameters(): [string, Parameter][] {
    return once(
      this.#namedVariables().filter(
        (pair): pair is [string, Parameter] => pair[1] instanceof Parameter,
      ),
    );
  }

  /** Every variable that is not a parameter, once. */
  buffers(): Variable[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** `[name, buffer]`, each buffer once. */
  namedBuffers(): [string, Variable][] {
    return once(this.#namedVariables().filter(([, variable]) => !(variable instanceof Parameter)));
  }

  #namedVariables(): [string, Variable][] {
    return variableSlots(this).map(([name, slot]) => [name, slot.value]);
  }

  /** This module and all below, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** `[name, module]`, this one first, with the empty name. */
  namedModules(): [string, Module][] {
    return moduleTree(this);
  }

  /** The modules held directly. */
  children(): Module[] {
    return [...new Set(slotsOf(this).flatMap(({ value }) => (isModule(value) ? [value] : [])))];
  }

  /** Calls `visit` on this module and all below, children first. */
  apply(visit: (module: Module) => void): this {
    for (const module of this.modules().toReversed()) visit(module);
    return this;
  }

  /** Switches this module and all below to training (the default) or evaluation. */
  train(mode = true): this {
    for (const module of this.modules()) module.#training = mode;
    return this;
  }

  /** Switches to evaluation: dropout off, batch norm on its running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Clears the gradients of all parameters. */
  zeroGrad(): this {
    for (const parameter of this.parameters()) parameter.grad = undefined;
    return this;
  }

  /** Stops gradients of all parameters: optimizers leave them as they are. */
  freeze(): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = false;
    return this;
  }

  /** Undoes `freeze`. */
  unfreeze(): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = true;
    return this;
  }

  /**
   * Moves all state to a device, or converts its floats to a dtype. Parameters become new objects, so
   * make optimizers afterwards.
   */
  to(target: Device | DType | (string & {})): this {
    const isFloatDType = isDType(target) && isFloat(target);
    const place = isFloatDType || target instanceof Device ? target : findDevice(target);
    const moved = new Map<Variable, Variable>();
    for (const [, slot] of variableSlots(this)) {
      const old = slot.value;
      if (isFloatDType && !isFloat(old.dtype)) continue;
      let next = moved.get(old);
      if (next === undefined) {
        next = convert(old, (x) => fit(x, place).to(place));
        moved.set(old, next);
      }
      slot.replace(next);
    }
    return this;
  }

  /** Snapshots of all parameters and persistent buffers, with PyTorch's names and layouts. */
  stateDict(): StateDict {
    const state: Record<string, Tensor> = {};
    for (const [name, { value }] of variableSlots(this)) {
      if (!isPersistent(value)) continue;
      if (Object.hasOwn(state, name)) {
        throw new FlambeauError(
          `${this.constructor.name}: two fields are named ${name} in the state dict. Rename one.`,
        );
      }
      state[name] = value.detach();
    }
    return state;
  }

  /**
   * Copies values from a state dict, converting dtype and device. Throws where names are missing or
   * unexpected, unless `strict` is false, and always where shapes differ.
   */
  loadStateDict(state: StateDict, options: { readonly strict?: boolean } = {}): LoadReport {
    const { strict = true } = options;
    const places = variableSlots(this).filter(([, { value }]) => isPersistent(value));
    const expected = new Set(places.map(([name]) => name));
    const fits = places.filter(([name]) => Object.hasOwn(state, name));
    const report = {
      missing: [...expected].filter((name) => !Object.hasOwn(state, name) && !mayBeMissing(name)),
      unexpected: Object.keys(state).filter((name) => !expected.has(name)),
    };
    const wrong = fits.filter(([name, { value }]) => !sameShape(state[name]!.shape, value.shape));
    if (wrong.length > 0 || (strict && report.missing.length + report.unexpected.length > 0)) {
      throw misfit(this, state, report, wrong);
    }
    eagerly(() =>
      noGrad(() =>
        scope(() => {
          for (const [name, { value }] of fits) {
            value.assign(state[name]!.to(value.device).to(value.dtype));
          }
        }),
      ),
    );
    return report;
  }

  /** Runs `hook` before `forward`; it may return other inputs. */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return this.#preHooks.add(hook);
  }

  /** Runs `hook` after `forward`; it may return another output. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return this.#forwardHooks.add(hook);
  }

  /** Runs `hook` when gradients have passed through this module, once for each call of it. */
  registerFullBackwardHook(hook: BackwardHook): HookHandle {
    return this.#backwardHooks.add(hook);
  }

  /**
   * A table of layers, their output shapes and parameter counts, for an input of this shape. Nothing is
   * computed: the model runs on the `null` device. Keras's `model.summary()`.
   */
  summary(inputShape: readonly number[], options: SummaryOptions = {}): string {
    return summarize(this, inputShape, options);
  }

  override toString(): string {
    return outline(this);
  }

  /** Node's console.log. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** A module from one tensor to one tensor. */
export interface TensorModule extends Module {
  forward(x: Tensor): Tensor;
}

/** Counters are int64 where the device has it, else int32. */
const fit = (x: Tensor, target: Device | string): Tensor =>
  target instanceof Device && x.dtype === "int64" && !target.backend.dtypes.has("int64")
    ? x.to("int32")
    : x;

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

function misfit(
  module: Module,
  state: StateDict,
  { missing, unexpected }: LoadReport,
  wrong: readonly [string, Slot<Variable>][],
): FlambeauError {
  const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
  const lines = [`loadStateDict: the state does not fit ${module.constructor.name}.`];
  if (missing.length > 0) lines.push(`  missing: ${missing.join(", ")}`);
  if (unexpected.length > 0) lines.push(`  unexpected: ${unexpected.join(", ")}`);
  for (const [name, { value }] of wrong) {
    lines.push(`  ${name}: expected ${show(value.shape)}, got ${show(state[name]!.shape)}`);
  }
  lines.push(
    wrong.length > 0
      ? "Check the sizes the module was made with."
      : "Check the field names, or pass { strict: false } to load what fits.",
  );
  return new FlambeauError(lines.join("\n"));
}
