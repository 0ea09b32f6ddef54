// Adagrad and Adadelta: rates that fall with the gradients seen.
import { type Tensor, type TensorLike, type Variable, hostValue } from "@flambeau/core";
import { elementwise, s } from "@flambeau/core/extension";
import { movedSquares } from "./averages.ts";
import { gradientOf } from "./gradient.ts";
import { Optimizer, type ParamGroup, type ParamsInput } from "./optimizer.ts";

export interface AdagradOptions {
  lr: number;
  lrDecay: number;
  weightDecay: number;
  initialAccumulatorValue: number;
  eps: number;
  maximize: boolean;
}

type AdagradState = { step: Variable; sum: Variable };

const withSquare = elementwise<(sum: Tensor, grad: Tensor) => Tensor>("adagradSum", (sum, grad) =>
  s.add(sum!, s.mul(grad!, grad!)),
);

const adagradStep = elementwise<
  (parameter: Tensor, grad: Tensor, sum: Tensor, lr: Tensor, eps: TensorLike) => Tensor
>("adagradStep", (parameter, grad, sum, lr, eps) =>
  s.sub(parameter!, s.div(s.mul(lr!, grad!), s.add(s.sqrt(sum!), eps!))),
);

/** `lr / (1 + (step - 1) · decay)`. */
const decayedRate = elementwise<(step: Tensor, lr: TensorLike, decay: TensorLike) => Tensor>(
  "adagradRate",
  (step, lr, decay) => s.div(lr!, s.add(s.mul(s.sub(step!, 1), decay!), 1)),
);

/** Duchi et al., 2011. `torch.optim.Adagrad`. */
export class Adagrad extends Optimizer<AdagradOptions, AdagradState> {
  constructor(params: ParamsInput<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super(params, {
      lr: 1e-2,
      lrDecay: 0,
      weightDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
      maximize: false,
      ...options,
    });
  }

  protected override check(group: ParamGroup<AdagradOptions>): void {
    super.check(group);
    for (const name of ["lrDecay", "weightDecay", "initialAccumulatorValue", "eps"] as const) {
      this.requireAtLeast(group[name], 0, name);
    }
  }

  protected override update(group: ParamGroup<AdagradOptions>, params: readonly Variable[]): void {
    const counter = this.newCounters();
    const members = params.map((parameter) => ({
      parameter,
      state: this.stateOf(parameter, () => ({
        step: counter(parameter),
        sum: this.zerosFor(parameter).assign(group.initialAccumulatorValue),
      })),
    }));
    for (const [step, together] of this.advance(members)) {
      const lr = decayedRate(
        step,
        hostValue(() => group.lr),
        hostValue(() => group.lrDecay),
      );
      for (const { parameter, state } of together) {
        const grad = gradientOf(parameter, group);
        state.sum.assign(withSquare(state.sum, grad));
        const eps = hostValue(() => group.eps);
        parameter.assign(adagradStep(parameter, grad, state.sum, lr, eps));
      }
    }
  }
}

export interface AdadeltaOptions {
  lr: number;
  rho: number;
  eps: number;
  weightDecay: number;
  maximize: boolean;
}

type AdadeltaState = { squareAvg: Variable; accDelta: Variable };

const adadeltaDirection = elementwise<
  (grad: Tensor, squares: Tensor, deltas: Tensor, eps: TensorLike) => Tensor
>("adadeltaDirection", (grad, squares, deltas, eps) =>
  s.mul(s.div(s.sqrt(s.add(deltas!, eps!)), s.sqrt(s.add(squares!, eps!))), grad!),
);

const adadeltaStep = elementwise<(parameter: Tensor, delta: Tensor, lr: TensorLike) => Tensor>(
  "adadeltaStep",
  (parameter, delta, lr) => s.sub(parameter!, s.mul(lr!, delta!)),
);

/** Zeiler, 2012. `torch.optim.Adadelta`. */
export class Adadelta extends Optimizer<AdadeltaOptions, AdadeltaState> {
  constructor(params: ParamsInput<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    super(params, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false, ...options });
  }

  protected override check(group: ParamGroup<AdadeltaOptions>): void {
    super.check(group);
    for (const name of ["rho", "eps", "weightDecay"] as const) {
      this.requireAtLeast(group[name], 0, name);
    }
  }

  protected override update(group: ParamGroup<AdadeltaOptions>, params: readonly Variable[]): void {
    const rho = hostValue(() => group.rho);
    const rest = hostValue(() => 1 - group.rho);
    for (const parameter of params) {
      const grad = gradientOf(parameter, group);
      const { squareAvg, accDelta } = this.stateOf(parameter, () => ({
        squareAvg: this.zerosFor(parameter),
        accDelta: this.zerosFor(parameter),
      }));
      squareAvg.assign(movedSquares(squareAvg, grad, rho, rest));
      const eps = hostValue(() => group.eps);
      const delta = adadeltaDirection(grad, squareAvg, accDelta, eps);
      accDelta.assign(movedSquares(accDelta, delta, rho, rest));
      parameter.assign(
        adadeltaStep(
          parameter,
          delta,
          hostValue(() => group.lr),
        ),
      );
    }
  }
}
