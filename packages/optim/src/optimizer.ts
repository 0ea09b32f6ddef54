// Optimizer: parameter groups, state, steps. The formulas are in sgd.ts, adam.ts and the like.
import {
  FlambeauError,
  type Tensor,
  Variable,
  eagerly,
  enableGrad,
  guarded,
  isTensor,
  noGrad,
  scope,
  zeros,
} from "@flambeau/core";

/** What every group has besides its parameters. */
export interface Hyperparameters {
  lr: number;
}

/** Parameters with the hyperparameters they are trained with; these may change between steps. */
export type ParamGroup<H extends Hyperparameters> = H & {
  params: Variable[];
  /** Where schedules start from; set by the first one. */
  initialLr?: number;
};

/** A group as users write it: what is left out comes from the optimizer's options. */
export type GroupInput<H extends Hyperparameters> = Partial<H> & {
  readonly params: Variable | Iterable<Variable>;
};

/** `model.parameters()`, or groups. */
export type ParamsInput<H extends Hyperparameters> = Iterable<Variable> | Iterable<GroupInput<H>>;

/** What an optimizer remembers of one parameter. */
export type ParameterState = { step?: Variable } & { [name: string]: Variable | undefined };

/** PyTorch's layout: state by the position of the parameter, groups that name positions. */
export interface OptimizerStateDict {
  readonly state: { readonly [position: number]: { readonly [name: string]: Tensor } };
  readonly paramGroups: readonly {
    readonly params: readonly number[];
    readonly [hyperparameter: string]: unknown;
  }[];
}

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const camelKeys = (value: object): { [name: string]: unknown } =>
  Object.fromEntries(Object.entries(value).map(([name, item]) => [camelCase(name), item]));

/** Base of all optimizers. `torch.optim.Optimizer`. */
export abstract class Optimizer<
  H extends Hyperparameters = Hyperparameters,
  S extends ParameterState = ParameterState,
> {
  readonly paramGroups: ParamGroup<H>[] = [];
  readonly defaults: H;
  readonly #state = new Map<Variable, S>();

  constructor(params: ParamsInput<H>, defaults: H) {
    this.defaults = defaults;
    const given: readonly (Variable | GroupInput<H>)[] = [...params];
    if (given.length === 0) {
      throw new FlambeauError(
        `${this.constructor.name}: got no parameters. Pass model.parameters(), or groups ` +
          `[{ params, lr }].`,
      );
    }
    if (given.every((item): item is GroupInput<H> => !isTensor(item))) {
      for (const group of given) this.addParamGroup(group);
    } else this.addParamGroup({ params: given } as unknown as GroupInput<H>);
  }

  /** Adds parameters, with hyperparameters of their own where given. */
  addParamGroup(group: GroupInput<H>): void {
    const params: Variable[] = isTensor(group.params) ? [group.params] : [...group.params];
    const known = new Set(this.paramGroups.flatMap((other) => other.params));
    for (const parameter of params) {
      if (!(parameter instanceof Variable)) {
        throw new FlambeauError(
          `${this.constructor.name}: expected Parameters, got ${isTensor(parameter) ? "a plain tensor, whose value cannot change" : String(parameter)}. ` +
            `Wrap it: new Parameter(tensor).`,
        );
      }
      if (known.has(parameter)) {
        throw new FlambeauError(
          `${this.constructor.name}: a parameter of shape [${parameter.shape.join(", ")}] is in two ` +
            `groups, or twice in one.`,
        );
      }
      known.add(parameter);
    }
    const complete = { ...this.defaults, ...group, params };
    this.check(complete);
    this.paramGroups.push(complete);
  }

  /** Throws where hyperparameters make no sense. */
  protected check(group: ParamGroup<H>): void {
    this.requireAtLeast(group.lr, 0, "lr");
  }

  protected requireAtLeast(value: number, low: number, name: string): void {
    if (value >= low) return;
    throw new FlambeauError(
      `${this.constructor.name}: expected ${name} of at least ${low}, got ${value}.`,
    );
  }

  /** Updates the parameters of one group, all of which have gradients. Runs in `noGrad` and a scope. */
  protected abstract update(group: ParamGroup<H>, params: readonly Variable[]): void;

  /**
   * Changes every parameter that has a gradient. `closure`, where given, computes the loss and the
   * gradients first; its result is returned.
   */
  step(closure?: () => Tensor): Tensor | undefined {
    const loss = closure && enableGrad(closure);
    noGrad(() =>
      scope(() => {
        for (const group of this.paramGroups) {
          const active = group.params.filter(({ heldGradient }) => heldGradient !== undefined);
          if (active.length > 0) this.update(group, active);
        }
      }),
    );
    return loss;
  }

  /** Clears all gradients. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const one of params) one.grad = undefined;
  }

  /** The state of a parameter, made by `create` on first use; real also inside a trace. */
  protected stateOf(parameter: Variable, create: () => S): S {
    let found = this.#state.get(parameter);
    if (found === undefined) {
      found = eagerly(() => scope(create));
      this.#state.set(parameter, found);
    }
    return found;
  }

  /** A variable of zeros, shaped as the parameter unless told otherwise. */
  protected zerosFor({ shape, dtype, device }: Variable, as: readonly number[] = shape): Variable {
    return eagerly(() => scope(() => new Variable(zeros(as, { dtype, device }))));
  }

  /** Makes step counts for new parameters: those that start together share one. */
  protected newCounters(): (parameter: Variable) => Variable {
    const made = new Map<string, Variable>();
    return (parameter) => {
      const key = `${parameter.dtype} ${parameter.device.name}`;
      const counter = made.get(key) ?? this.zerosFor(parameter, []);
      made.set(key, counter);
      return counter;
    };
  }

  /**
   * Adds one to the step counts of `states`, and groups them by count: what depends on the count is
   * computed once for each group. A parameter that skips a step gets a count of its own.
   */
  protected advance<T extends { readonly state: { step: Variable } }>(
    members: readonly T[],
  ): [Variable, T[]][] {
    const shared = new Map<Variable, T[]>();
    for (const member of members) {
      const step = guarded(() => member.state.step);
      shared.set(step, [...(shared.get(step) ?? []), member]);
    }
    return [...shared].map(([step, together]) => {
      const next = step.add(1);
      let counter = step;
      if (this.#holders(step) > together.length) {
        counter = new Variable(eagerly(() => step.detach()));
        for (const { state } of together) state.step = counter;
      }
      counter.assign(next);
      return [counter, together];
    });
  }

  #holders(step: Variable): number {
    let count = 0;
    for (const state of this.#state.values()) if (state.step === step) count++;
    return count;
  }

  /** Snapshots of all state, and the hyperparameters. */
  stateDict(): OptimizerStateDict {
    const positions = this.#positions();
    const state: { [position: number]: { [name: string]: Tensor } } = {};
    for (const [parameter, position] of positions) {
      const own = this.#state.get(parameter);
      if (own === undefined) continue;
      const entries = Object.entries(own).filter(
        (pair): pair is [string, Variable] => pair[1] !== undefined,
      );
      state[position] = Object.fromEntries(entries.map(([name, value]) => [name, value.detach()]));
    }
    const paramGroups = this.paramGroups.map(({ params, ...rest }) => ({
      ...structuredClone(rest),
      params: params.map((parameter) => positions.get(parameter)!),
    }));
    return { state, paramGroups };
  }

  #positions(): Map<Variable, number> {
    return new Map(this.paramGroups.flatMap(({ params }) => params).map((p, i) => [p, i]));
  }

  /** Restores what `stateDict` gave, or PyTorch's, with names such as `param_groups`, `exp_avg`. */
  loadStateDict(given: OptimizerStateDict | object): void {
    const { state, paramGroups } = camelKeys(given) as unknown as OptimizerStateDict;
    const sizes = (groups: readonly { readonly params: ArrayLike<unknown> }[]): string =>
      groups.map(({ params }) => params.length).join(", ");
    if (sizes(paramGroups) !== sizes(this.paramGroups)) {
      throw new FlambeauError(
        `${this.constructor.name}: loadStateDict expected groups of ${sizes(this.paramGroups)} ` +
          `parameters, got groups of ${sizes(paramGroups)}. Make the optimizer as the saved one was.`,
      );
    }
    paramGroups.forEach((saved, i) => {
      const group = this.paramGroups[i] as unknown as { [name: string]: unknown };
      for (const [name, value] of Object.entries(camelKeys(saved))) {
        if (name !== "params" && (name in this.defaults || name === "initialLr"))
          group[name] = value;
      }
      const { params } = this.paramGroups[i]!;
      eagerly(() => noGrad(() => scope(() => this.#loadGroup(params, saved.params, state))));
    });
  }

  #loadGroup(
    params: readonly Variable[],
    positions: readonly number[],
    state: OptimizerStateDict["state"],
  ): void {
    const counters = new Map<string | Variable, Variable>();
    params.forEach((parameter, i) => {
      const saved = state[positions[i]!];
      if (saved === undefined) return;
      // Written into what is there: traced programs hold on to it.
      const own: ParameterState = this.#state.get(parameter) ?? {};
      for (const [name, value] of Object.entries(camelKeys(saved))) {
        if (value === undefined || value === null) continue;
        const shape = isTensor(value) ? value.shape : [];
        const variable = name === "step" ? undefined : own[name];
        const place = variable ?? this.zerosFor(parameter, shape);
        place.assign(
          isTensor(value) ? value.to(parameter.device).to(place.dtype) : (value as number),
        );
        own[name] = name === "step" ? sharedCounter(place, counters) : place;
      }
      this.#state.set(parameter, own as S);
    });
  }
}

/** Equal step counts become one variable again, where the device lets us read them now. */
function sharedCounter(step: Variable, counters: Map<string | Variable, Variable>): Variable {
  let key: string | Variable = step;
  try {
    key = `${step.itemSync()} ${step.dtype} ${step.device.name}`;
  } catch {
    // An asynchronous device: each parameter keeps its own count.
  }
  const counter = counters.get(key) ?? step;
  counters.set(key, counter);
  return counter;
}
