// Relatives of Adam: Adamax, NAdam, RAdam.
import { type Tensor, type TensorLike, type Variable, hostValue } from "@flambeau/core";
import { elementwise, s } from "@flambeau/core/extension";
import { requireBetas } from "./adam.ts";
import { biasCorrection, movedAverage, movedSquares } from "./averages.ts";
import { gradientOf } from "./gradient.ts";
import { Optimizer, type ParamGroup, type ParameterState, type ParamsInput } from "./optimizer.ts";

export interface AdamVariantOptions {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  maximize: boolean;
}

const defaults = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  maximize: false,
} as const;

abstract class AdamVariant<
  H extends AdamVariantOptions,
  S extends ParameterState,
> extends Optimizer<H, S> {
  protected override check(group: ParamGroup<H>): void {
    super.check(group);
    this.requireAtLeast(group.eps, 0, "eps");
    this.requireAtLeast(group.weightDecay, 0, "weightDecay");
    requireBetas(this.constructor.name, group.betas);
  }
}

/** Numbers of a group that a formula reads, also in traced programs. */
const numbersOf = (group: AdamVariantOptions) => ({
  lr: hostValue(() => group.lr),
  eps: hostValue(() => group.eps),
  beta1: hostValue(() => group.betas[0]),
  beta2: hostValue(() => group.betas[1]),
  weight1: hostValue(() => 1 - group.betas[0]),
  weight2: hostValue(() => 1 - group.betas[1]),
  log1: hostValue(() => Math.log(group.betas[0])),
  log2: hostValue(() => Math.log(group.betas[1])),
});

const decayedMaximum = elementwise<
  (infinity: Tensor, grad: Tensor, beta2: TensorLike, eps: TensorLike) => Tensor
>("adamaxNorm", (infinity, grad, beta2, eps) =>
  s.max(s.mul(beta2!, infinity!), s.add(s.abs(grad!), eps!)),
);

const adamaxStep = elementwise<
  (
    parameter: Tensor,
    average: Tensor,
    infinity: Tensor,
    correction: Tensor,
    lr: TensorLike,
  ) => Tensor
>("adamaxStep", (parameter, average, infinity, correction, lr) =>
  s.sub(parameter!, s.mul(s.div(lr!, correction!), s.div(average!, infinity!))),
);

type AdamaxState = { step: Variable; expAvg: Variable; expInf: Variable };

/** Adam on the infinity norm: Kingma and Ba, 2015. `torch.optim.Adamax`. */
export class Adamax extends AdamVariant<AdamVariantOptions, AdamaxState> {
  constructor(params: ParamsInput<AdamVariantOptions>, options: Partial<AdamVariantOptions> = {}) {
    super(params, { ...defaults, lr: 2e-3, ...options });
  }

  protected override update(
    group: ParamGroup<AdamVariantOptions>,
    params: readonly Variable[],
  ): void {
    const { lr, eps, beta2, weight1, log1 } = numbersOf(group);
    const counter = this.newCounters();
    const members = params.map((parameter) => ({
      parameter,
      state: this.stateOf(parameter, () => ({
        step: counter(parameter),
        expAvg: this.zerosFor(parameter),
        expInf: this.zerosFor(parameter),
      })),
    }));
    for (const [step, together] of this.advance(members)) {
      const correction = biasCorrection(step, log1);
      for (const { parameter, state } of together) {
        const grad = gradientOf(parameter, group);
        const { expAvg, expInf } = state;
        expAvg.assign(movedAverage(expAvg, grad, weight1));
        expInf.assign(decayedMaximum(expInf, grad, beta2, eps));
        parameter.assign(adamaxStep(parameter, expAvg, expInf, correction, lr));
      }
    }
  }
}

export interface NAdamOptions extends AdamVariantOptions {
  momentumDecay: number;
}

type NAdamState = { step: Variable; expAvg: Variable; expAvgSq: Variable; muProduct: Variable };

/** The momentum of a step: `β (1 - 0.96^(step · decay) / 2)`. */
const scheduledMomentum = elementwise<
  (step: Tensor, beta: TensorLike, logDecay: TensorLike) => Tensor
>("nadamMomentum", (step, beta, logDecay) =>
  s.mul(beta!, s.sub(1, s.mul(0.5, s.exp(s.mul(step!, logDecay!))))),
);

/** What multiplies the gradient: `lr (1 - μ) / (1 - Πμ)`. */
const gradientPart = elementwise<(mu: Tensor, product: Tensor, lr: TensorLike) => Tensor>(
  "nadamGradientPart",
  (mu, product, lr) => s.div(s.mul(lr!, s.sub(1, mu!)), s.sub(1, product!)),
);

/** What multiplies the average: `lr μ' / (1 - Πμ μ')`, μ' being the next momentum. */
const averagePart = elementwise<(next: Tensor, product: Tensor, lr: TensorLike) => Tensor>(
  "nadamAveragePart",
  (next, product, lr) => s.div(s.mul(lr!, next!), s.sub(1, s.mul(product!, next!))),
);

const nadamStep = elementwise<
  (
    parameter: Tensor,
    grad: Tensor,
    average: Tensor,
    squares: Tensor,
    ofGrad: Tensor,
    ofAverage: Tensor,
    correction: Tensor,
    eps: TensorLike,
  ) => Tensor
>("nadamStep", (parameter, grad, average, squares, ofGrad, ofAverage, correction, eps) => {
  const scale = s.add(s.sqrt(s.div(squares!, correction!)), eps!);
  const direction = s.add(s.mul(ofGrad!, grad!), s.mul(ofAverage!, average!));
  return s.sub(parameter!, s.div(direction, scale));
});

/** Adam with Nesterov's look ahead: Dozat, 2016. `torch.optim.NAdam`. */
export class NAdam extends AdamVariant<NAdamOptions, NAdamState> {
  constructor(params: ParamsInput<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super(params, { ...defaults, lr: 2e-3, momentumDecay: 4e-3, ...options });
  }

  protected override update(group: ParamGroup<NAdamOptions>, params: readonly Variable[]): void {
    const { lr, eps, beta1, beta2, weight1, weight2, log2 } = numbersOf(group);
    const logDecay = hostValue(() => Math.log(0.96) * group.momentumDecay);
    const counter = this.newCounters();
    const members = params.map((parameter) => ({
      parameter,
      state: this.stateOf(parameter, () => ({
        step: counter(parameter),
        expAvg: this.zerosFor(parameter),
        expAvgSq: this.zerosFor(parameter),
        muProduct: this.zerosFor(parameter, []).assign(1),
      })),
    }));
    for (const [step, together] of this.advance(members)) {
      const correction = biasCorrection(step, log2);
      const mu = scheduledMomentum(step, beta1, logDecay);
      const next = scheduledMomentum(step.add(1), beta1, logDecay);
      for (const { parameter, state } of together) {
        const grad = gradientOf(parameter, group);
        const { expAvg, expAvgSq, muProduct } = state;
        muProduct.assign(muProduct.mul(mu));
        expAvg.assign(movedAverage(expAvg, grad, weight1));
        expAvgSq.assign(movedSquares(expAvgSq, grad, beta2, weight2));
        const ofGrad = gradientPart(mu, muProduct, lr);
        const ofAverage = averagePart(next, muProduct, lr);
        parameter.assign(
          nadamStep(parameter, grad, expAvg, expAvgSq, ofGrad, ofAverage, correction, eps),
        );
      }
    }
  }
}

type RAdamState = { step: Variable; expAvg: Variable; expAvgSq: Variable };

/**
 * How far the second moment can be trusted, times √(1 - β₂ᵗ); 0 while it cannot be. `limit` is the
 * length of the average in the long run.
 */
const rectification = elementwise<(step: Tensor, correction: Tensor, limit: TensorLike) => Tensor>(
  "radamRectification",
  (step, correction, limit) => {
    // βᵗ = 1 - correction
    const length = s.sub(limit!, s.div(s.mul(s.mul(2, step!), s.sub(1, correction!)), correction!));
    const above = s.mul(s.mul(s.sub(length, 4), s.sub(length, 2)), limit!);
    const below = s.mul(s.mul(s.sub(limit!, 4), s.sub(limit!, 2)), length);
    const factor = s.sqrt(s.mul(s.div(above, below), correction!));
    return s.select(s.gt(length, 5), factor, s.mul(0, correction!));
  },
);

const radamStep = elementwise<
  (
    parameter: Tensor,
    average: Tensor,
    squares: Tensor,
    size: Tensor,
    rectified: Tensor,
    eps: TensorLike,
  ) => Tensor
>("radamStep", (parameter, average, squares, size, rectified, eps) => {
  const adaptive = s.div(rectified!, s.add(s.sqrt(squares!), eps!));
  const factor = s.select(s.gt(rectified!, 0), adaptive, s.constant(1, parameter!.dtype));
  return s.sub(parameter!, s.mul(s.mul(size!, average!), factor));
});

/** Adam whose second moment waits until it can be trusted: Liu et al., 2020. `torch.optim.RAdam`. */
export class RAdam extends AdamVariant<AdamVariantOptions, RAdamState> {
  constructor(params: ParamsInput<AdamVariantOptions>, options: Partial<AdamVariantOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override update(
    group: ParamGroup<AdamVariantOptions>,
    params: readonly Variable[],
  ): void {
    const { lr, eps, beta2, weight1, weight2, log1, log2 } = numbersOf(group);
    const limit = hostValue(() => 2 / (1 - group.betas[1]) - 1);
    const counter = this.newCounters();
    const members = params.map((parameter) => ({
      parameter,
      state: this.stateOf(parameter, () => ({
        step: counter(parameter),
        expAvg: this.zerosFor(parameter),
        expAvgSq: this.zerosFor(parameter),
      })),
    }));
    for (const [step, together] of this.advance(members)) {
      const size = biasCorrection(step, log1).reciprocal().mul(lr);
      const rectified = rectification(step, biasCorrection(step, log2), limit);
      for (const { parameter, state } of together) {
        const grad = gradientOf(parameter, group);
        const { expAvg, expAvgSq } = state;
        expAvg.assign(movedAverage(expAvg, grad, weight1));
        expAvgSq.assign(movedSquares(expAvgSq, grad, beta2, weight2));
        parameter.assign(radamStep(parameter, expAvg, expAvgSq, size, rectified, eps));
      }
    }
  }
}
