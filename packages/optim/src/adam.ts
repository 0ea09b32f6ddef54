// Adam and AdamW.
import {
  FlambeauError,
  type Tensor,
  type TensorLike,
  type Variable,
  guarded,
  hostValue,
} from "@flambeau/core";
import { type Scalar, elementwise, s } from "@flambeau/core/extension";
import { correctionOf, movedToSquare, movedTowards } from "./averages.ts";
import { fused } from "./fused.ts";
import { gradientOf } from "./gradient.ts";
import { Optimizer, type ParamGroup, type ParamsInput } from "./optimizer.ts";

export interface AdamOptions {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  amsgrad: boolean;
  maximize: boolean;
}

type State = { step: Variable; expAvg: Variable; expAvgSq: Variable; maxExpAvgSq?: Variable };

/** The rate over the correction of the first average. */
const stepSize = elementwise<(step: Tensor, lr: TensorLike, logBeta: TensorLike) => Tensor>(
  "adamStepSize",
  (step, lr, logBeta) => s.div(lr!, correctionOf(step!, logBeta!)),
);

/** What the root of the second average is multiplied with: one division less per element. */
const rootCorrection = elementwise<(step: Tensor, logBeta: TensorLike) => Tensor>(
  "adamRootCorrection",
  (step, logBeta) => s.div(1, s.sqrt(correctionOf(step!, logBeta!))),
);

const movedBoth = (average: Scalar, squares: Scalar, [grad, weight1, beta2, weight2]: readonly Scalar[]) => [
  movedTowards(average, grad!, weight1!),
  movedToSquare(squares, grad!, beta2!, weight2!),
] as const; // prettier-ignore

/** `kept · parameter - size · average / (root · √squares + eps)`. */
function descended(
  parameter: Scalar,
  average: Scalar,
  squares: Scalar,
  [size, root, eps, kept]: readonly Scalar[],
): Scalar {
  const scale = s.add(s.mul(root!, s.sqrt(squares)), eps!);
  return s.sub(s.mul(kept!, parameter), s.div(s.mul(size!, average), scale));
}

/** Operands: gradient, what `movedBoth` takes, what `descended` takes. */
const adamStep = fused("adamStep", 3, (parameter, average, squares, ...rest) => {
  const [nextAverage, nextSquares] = movedBoth(average!, squares!, rest);
  return [descended(parameter!, nextAverage, nextSquares, rest.slice(4)), nextAverage, nextSquares];
});

/** With the largest squares so far as the last target. */
const amsgradStep = fused("amsgradStep", 4, (parameter, average, squares, largest, ...rest) => {
  const [nextAverage, nextSquares] = movedBoth(average!, squares!, rest);
  const next = s.max(largest!, nextSquares);
  return [descended(parameter!, nextAverage, next, rest.slice(4)), nextAverage, nextSquares, next];
});

/** Kingma and Ba, 2015; `amsgrad`: Reddi et al., 2018. `torch.optim.Adam`. */
export class Adam extends Optimizer<AdamOptions, State> {
  /** Whether weight decay is added to the gradient, rather than taken off the parameter. */
  protected readonly isDecayCoupled: boolean = true;

  constructor(params: ParamsInput<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      amsgrad: false,
      maximize: false,
      ...options,
    });
  }

  protected override check(group: ParamGroup<AdamOptions>): void {
    super.check(group);
    this.requireAtLeast(group.eps, 0, "eps");
    this.requireAtLeast(group.weightDecay, 0, "weightDecay");
    requireBetas(this.constructor.name, group.betas);
  }

  protected override update(group: ParamGroup<AdamOptions>, params: readonly Variable[]): void {
    const counter = this.newCounters();
    const members = params.map((parameter) => ({
      parameter,
      state: this.stateOf(parameter, () => ({
        step: counter(parameter),
        expAvg: this.zerosFor(parameter),
        expAvgSq: this.zerosFor(parameter),
      })),
    }));
    const isAmsgrad = guarded(() => group.amsgrad);
    const weight1 = hostValue(() => 1 - group.betas[0]);
    const beta2 = hostValue(() => group.betas[1]);
    const weight2 = hostValue(() => 1 - group.betas[1]);
    const eps = hostValue(() => group.eps);
    const kept = this.isDecayCoupled ? 1 : hostValue(() => 1 - group.lr * group.weightDecay);
    for (const [step, together] of this.advance(members)) {
      const size = stepSize(
        step,
        hostValue(() => group.lr),
        hostValue(() => Math.log(group.betas[0])),
      );
      const root = rootCorrection(
        step,
        hostValue(() => Math.log(group.betas[1])),
      );
      for (const { parameter, state } of together) {
        const grad = gradientOf(parameter, group, this.isDecayCoupled);
        const { expAvg, expAvgSq } = state;
        const numbers = [weight1, beta2, weight2, size, root, eps, kept];
        if (isAmsgrad) {
          const largest = (state.maxExpAvgSq ??= this.zerosFor(parameter));
          amsgradStep([parameter, expAvg, expAvgSq, largest], grad, ...numbers);
        } else adamStep([parameter, expAvg, expAvgSq], grad, ...numbers);
      }
    }
  }
}

/** Adam whose weight decay acts on the parameter itself: Loshchilov and Hutter, 2019. `torch.optim.AdamW`. */
export class AdamW extends Adam {
  protected override readonly isDecayCoupled = false;

  constructor(params: ParamsInput<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, { weightDecay: 1e-2, ...options });
  }
}

/** Both in [0, 1). */
export function requireBetas(name: string, betas: readonly [number, number]): void {
  if (betas.every((beta) => beta >= 0 && beta < 1)) return;
  throw new FlambeauError(`${name}: expected betas in [0, 1), got [${betas.join(", ")}].`);
}
