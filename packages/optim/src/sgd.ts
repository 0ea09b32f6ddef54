// Stochastic gradient descent with momentum.
import {
  FlambeauError,
  type Tensor,
  type TensorLike,
  type Variable,
  guarded,
  hostValue,
} from "@flambeau/core";
import { type Scalar, elementwise, s } from "@flambeau/core/extension";
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

const descended = elementwise<(parameter: Tensor, direction: Tensor, lr: TensorLike) => Tensor>(
  "sgdStep",
  (parameter, direction, lr) => s.sub(parameter!, s.mul(lr!, direction!)),
);

type MomentumStep = (
  parameter: Tensor,
  grad: Tensor,
  buffer: Tensor,
  lr: TensorLike,
  momentum: TensorLike,
  kept: TensorLike,
) => [parameter: Tensor, buffer: Tensor];

const accumulated = (buffer: Scalar, grad: Scalar, momentum: Scalar, kept: Scalar): Scalar =>
  s.add(s.mul(momentum, buffer), s.mul(kept, grad));

const momentumStep = fused<MomentumStep>(
  "sgdMomentumStep",
  2,
  (parameter, grad, buffer, lr, momentum, kept) => {
    const next = accumulated(buffer!, grad!, momentum!, kept!);
    return [s.sub(parameter!, s.mul(lr!, next)), next];
  },
);

/** Looks ahead along the momentum: Sutskever et al., 2013. */
const nesterovStep = fused<MomentumStep>(
  "sgdNesterovStep",
  2,
  (parameter, grad, buffer, lr, momentum, kept) => {
    const next = accumulated(buffer!, grad!, momentum!, kept!);
    const ahead = s.add(grad!, s.mul(momentum!, next));
    return [s.sub(parameter!, s.mul(lr!, ahead)), next];
  },
);

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
        parameter.assign(descended(parameter, grad, lr));
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
      const [next, buffer] = step(parameter, grad, momentumBuffer, lr, momentum, kept);
      momentumBuffer.assign(buffer);
      this.#fresh.delete(known);
      parameter.assign(next);
    }
  }
}
