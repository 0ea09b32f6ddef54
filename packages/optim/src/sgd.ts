// Stochastic gradient descent with momentum.
import { FlambeauError, type Variable, guarded, hostValue } from "@flambeau/core";
import { type Scalar, s } from "@flambeau/core/extension";
import { fused } from "./fused.ts";
import { gradientOf } from "./gradient.ts";
import { Optimizer, type ParamGroup, type ParamsInput } from "./optimizer.ts";

export interface SGDOptions {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  maximize: boolean;
}

type State = { momentumBuffer: Variable };

const descended = fused("sgdStep", 1, (parameter, direction, lr) => [
  s.sub(parameter!, s.mul(lr!, direction!)),
]);

const accumulated = (buffer: Scalar, grad: Scalar, momentum: Scalar, kept: Scalar): Scalar =>
  s.add(s.mul(momentum, buffer), s.mul(kept, grad));

/** Operands: gradient, rate, momentum, what the gradient is multiplied with. */
const momentumStep = fused("sgdMomentumStep", 2, (parameter, buffer, grad, lr, momentum, kept) => {
  const next = accumulated(buffer!, grad!, momentum!, kept!);
  return [s.sub(parameter!, s.mul(lr!, next)), next];
});

/** Looks ahead along the momentum: Sutskever et al., 2013. */
const nesterovStep = fused("sgdNesterovStep", 2, (parameter, buffer, grad, lr, momentum, kept) => {
  const next = accumulated(buffer!, grad!, momentum!, kept!);
  const ahead = s.add(grad!, s.mul(momentum!, next));
  return [s.sub(parameter!, s.mul(lr!, ahead)), next];
});

/** Stochastic gradient descent, with momentum if wanted. `torch.optim.SGD`. */
export class SGD extends Optimizer<SGDOptions, State> {
  /** States whose buffer holds no gradient yet: dampening does not apply to the first. */
  readonly #fresh = new WeakSet<State>();

  constructor(params: ParamsInput<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(params, {
      lr: 1e-3,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
      ...options,
    });
  }

  protected override check(group: ParamGroup<SGDOptions>): void {
    super.check(group);
    this.requireAtLeast(group.momentum, 0, "momentum");
    this.requireAtLeast(group.weightDecay, 0, "weightDecay");
    if (!group.nesterov || (group.momentum > 0 && group.dampening === 0)) return;
    throw new FlambeauError(
      `SGD: nesterov needs momentum above 0 and dampening 0, got ${group.momentum} and ` +
        `${group.dampening}.`,
    );
  }

  protected override update(group: ParamGroup<SGDOptions>, params: readonly Variable[]): void {
    const lr = hostValue(() => group.lr);
    const momentum = hostValue(() => group.momentum);
    const hasMomentum = guarded(() => group.momentum !== 0);
    const isDampened = guarded(() => group.dampening !== 0);
    const isNesterov = guarded(() => group.nesterov);
    for (const parameter of params) {
      const grad = gradientOf(parameter, group);
      if (!hasMomentum) {
        descended([parameter], grad, lr);
        continue;
      }
      const known = this.stateOf(parameter, () => {
        const created = { momentumBuffer: this.zerosFor(parameter) };
        this.#fresh.add(created);
        return created;
      });
      const { momentumBuffer } = known;
      // The first gradient enters whole. Without dampening the zeros in the buffer do that.
      const isFirst = isDampened && guarded(() => this.#fresh.has(known));
      const kept = isFirst ? 1 : hostValue(() => 1 - group.dampening);
      const step = isNesterov ? nesterovStep : momentumStep;
      step([parameter, momentumBuffer], grad, lr, momentum, kept);
      this.#fresh.delete(known);
    }
  }
}
