// RMSprop.
import { type Tensor, type TensorLike, type Variable, guarded, hostValue } from "@flambeau/core";
import { elementwise, s } from "@flambeau/core/extension";
import { gradientOf } from "./gradient.ts";
import { movedAverage, movedSquares } from "./averages.ts";
import { Optimizer, type ParamGroup, type ParamsInput } from "./optimizer.ts";

export interface RMSpropOptions {
  lr: number;
  alpha: number;
  eps: number;
  weightDecay: number;
  momentum: number;
  centered: boolean;
  maximize: boolean;
}

type State = { squareAvg: Variable; gradAvg?: Variable; momentumBuffer?: Variable };

/** The gradient over its root mean square. */
const normalized = elementwise<(grad: Tensor, squares: Tensor, eps: TensorLike) => Tensor>(
  "rmspropDirection",
  (grad, squares, eps) => s.div(grad!, s.add(s.sqrt(squares!), eps!)),
);

/** The gradient over its standard deviation. */
const centered = elementwise<
  (grad: Tensor, squares: Tensor, mean: Tensor, eps: TensorLike) => Tensor
>("rmspropCenteredDirection", (grad, squares, mean, eps) =>
  s.div(grad!, s.add(s.sqrt(s.sub(squares!, s.mul(mean!, mean!))), eps!)),
);

const accumulated = elementwise<
  (buffer: Tensor, direction: Tensor, momentum: TensorLike) => Tensor
>("rmspropMomentum", (buffer, direction, momentum) => s.add(s.mul(momentum!, buffer!), direction!));

const descended = elementwise<(parameter: Tensor, direction: Tensor, lr: TensorLike) => Tensor>(
  "rmspropStep",
  (parameter, direction, lr) => s.sub(parameter!, s.mul(lr!, direction!)),
);

/** Hinton's lecture 6; `centered`: Graves, 2013. `torch.optim.RMSprop`. */
export class RMSprop extends Optimizer<RMSpropOptions, State> {
  constructor(params: ParamsInput<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(params, {
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
      ...options,
    });
  }

  protected override check(group: ParamGroup<RMSpropOptions>): void {
    super.check(group);
    for (const name of ["alpha", "eps", "weightDecay", "momentum"] as const) {
      this.requireAtLeast(group[name], 0, name);
    }
  }

  protected override update(group: ParamGroup<RMSpropOptions>, params: readonly Variable[]): void {
    const isCentered = guarded(() => group.centered);
    const hasMomentum = guarded(() => group.momentum > 0);
    const alpha = hostValue(() => group.alpha);
    const rest = hostValue(() => 1 - group.alpha);
    const eps = hostValue(() => group.eps);
    for (const parameter of params) {
      const grad = gradientOf(parameter, group);
      const state = this.stateOf(parameter, () => ({ squareAvg: this.zerosFor(parameter) }));
      const { squareAvg } = state;
      squareAvg.assign(movedSquares(squareAvg, grad, alpha, rest));
      let direction: Tensor;
      if (isCentered) {
        const mean = (state.gradAvg ??= this.zerosFor(parameter));
        mean.assign(movedAverage(mean, grad, rest));
        direction = centered(grad, squareAvg, mean, eps);
      } else direction = normalized(grad, squareAvg, eps);
      if (hasMomentum) {
        const buffer = (state.momentumBuffer ??= this.zerosFor(parameter));
        buffer.assign(
          accumulated(
            buffer,
            direction,
            hostValue(() => group.momentum),
          ),
        );
        direction = buffer;
      }
      parameter.assign(
        descended(
          parameter,
          direction,
          hostValue(() => group.lr),
        ),
      );
    }
  }
}
