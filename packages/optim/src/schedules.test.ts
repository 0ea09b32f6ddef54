// Every schedule against PyTorch: 50 steps of SGD with two groups of rates 0.1 and 0.2.
import { Parameter, tensor } from "@flambeau/core";
import { describe, expect, test } from "vitest";
import { camelKeys, readFixture } from "./fixtures.ts";
import {
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  MultiplicativeLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  SGD,
  SequentialLR,
  StepLR,
} from "./index.ts";

interface Case {
  readonly id: string;
  readonly cls: string;
  readonly kwargs: Record<string, never>;
  readonly base_lr: readonly [number, number];
  readonly metrics?: readonly number[];
  readonly lr: readonly (readonly number[])[];
  readonly momentum?: readonly number[];
}

const cases = readFixture<readonly Case[]>("schedules.json.gz");

interface CyclicCase {
  readonly baseLr: number;
  readonly maxLr: number;
  readonly mode: string;
}

type AnySchedule = {
  step(metric: number): void;
  stateDict(): object;
  loadStateDict(state: never): void;
};

function make({ id, cls, kwargs }: Case, optimizer: SGD): AnySchedule {
  const options = camelKeys(kwargs) as Record<string, never>;
  switch (cls) {
    case "LambdaLR":
      return new LambdaLR(
        optimizer,
        id === "lambda"
          ? (epoch) => 0.95 ** epoch
          : [(epoch) => 1 / (1 + epoch), (epoch) => Math.max(0, 1 - epoch / 40)],
      );
    case "MultiplicativeLR":
      return new MultiplicativeLR(optimizer, (epoch) => (epoch % 5 === 0 ? 0.9 : 1));
    case "StepLR":
      return new StepLR(optimizer, options.stepSize!, options);
    case "MultiStepLR":
      return new MultiStepLR(optimizer, options.milestones!, options);
    case "ConstantLR":
      return new ConstantLR(optimizer, options);
    case "LinearLR":
      return new LinearLR(optimizer, options);
    case "ExponentialLR":
      return new ExponentialLR(optimizer, options.gamma!);
    case "CosineAnnealingLR":
      return new CosineAnnealingLR(optimizer, options.TMax!, options);
    case "CosineAnnealingWarmRestarts":
      return new CosineAnnealingWarmRestarts(optimizer, options.T0!, {
        ...options,
        tMult: options.TMult,
      });
    case "PolynomialLR":
      return new PolynomialLR(optimizer, options);
    case "CyclicLR": {
      const { baseLr, maxLr, mode, ...rest } = options as unknown as CyclicCase;
      const camelMode = mode === "exp_range" ? "expRange" : (mode as "triangular");
      return new CyclicLR(optimizer, { baseLr, maxLr }, { ...rest, mode: camelMode });
    }
    case "OneCycleLR":
      return new OneCycleLR(optimizer, options.maxLr!, options);
    case "ReduceLROnPlateau":
      return new ReduceLROnPlateau(optimizer, options);
    case "ChainedScheduler":
      return new ChainedScheduler([
        new ConstantLR(optimizer, { factor: 0.1, totalIters: 4 }),
        new ExponentialLR(optimizer, 0.9),
      ]);
    case "SequentialLR":
      return new SequentialLR(
        [
          new LinearLR(optimizer, { startFactor: 0.1, endFactor: 1, totalIters: 5 }),
          new CosineAnnealingLR(optimizer, 20),
          new ExponentialLR(optimizer, 0.5),
        ],
        options.milestones!,
      );
    default:
      throw new Error(`no schedule ${cls}`);
  }
}

function start(spec: Case): { optimizer: SGD; schedule: AnySchedule } {
  const [lr, second] = spec.base_lr;
  const optimizer = new SGD(
    [
      { params: [new Parameter(tensor([1]))] },
      { params: [new Parameter(tensor([1]))], lr: second },
    ],
    { lr, momentum: 0.9 },
  );
  return { optimizer, schedule: make(spec, optimizer) };
}

describe.each(cases)("$id", (spec) => {
  const expectRates = (optimizer: SGD, i: number): void => {
    optimizer.paramGroups.forEach(({ lr, momentum }, group) => {
      expect(Math.abs(lr - spec.lr[i]![group]!)).toBeLessThanOrEqual(1e-12 + 1e-9 * lr);
      if (spec.momentum && group === 0) expect(momentum).toBeCloseTo(spec.momentum[i]!, 9);
    });
  };

  test("50 steps", () => {
    const { optimizer, schedule } = start(spec);
    for (let i = 0; i < spec.lr.length; i++) {
      expectRates(optimizer, i);
      schedule.step(spec.metrics?.[i] ?? 0);
    }
  });

  test("goes on from a saved state", () => {
    const first = start(spec);
    for (let i = 0; i < 20; i++) first.schedule.step(spec.metrics?.[i] ?? 0);
    const second = start(spec);
    second.schedule.loadStateDict(JSON.parse(JSON.stringify(first.schedule.stateDict())) as never);
    second.optimizer.loadStateDict(first.optimizer.stateDict());
    for (let i = 20; i < spec.lr.length; i++) {
      expectRates(second.optimizer, i);
      second.schedule.step(spec.metrics?.[i] ?? 0);
    }
  });
});
