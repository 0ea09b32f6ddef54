// fit, evaluate and predict on a model small enough to follow.
import {
  type Tensor,
  defaultDevice,
  isGradEnabled,
  setDefaultDevice,
  tensor,
} from "@flambeau/core";
import { DataLoader, TensorDataset } from "@flambeau/data";
import { beforeAll, describe, expect, test } from "vitest";
import { descent, lineBatches, squaredError, tinyModel } from "./fixtures.ts";
import {
  type Callback,
  LambdaCallback,
  LearningRateScheduler,
  type Logs,
  MeanMetric,
  evaluate,
  fit,
  meanLoss,
  predict,
} from "./index.ts";

beforeAll(() => void setDefaultDevice("reference"));

const prepare = () => {
  const model = tinyModel();
  return { model, optimizer: descent([model.weight, model.bias]), loss: squaredError };
};
const absoluteError = () =>
  new MeanMetric("absoluteError", (output, target) => output.sub(target).abs().flatten());

describe("fit", () => {
  test("learns a line, and takes the same steps as a loop by hand", async () => {
    const { model, ...options } = prepare();
    const history = await fit(model, lineBatches(), { ...options, epochs: 60 });
    expect(history.get("loss").at(-1)).toBeLessThan(1e-3);
    expect(history.course).toHaveLength(240);

    const byHand = prepare();
    for (let epoch = 0; epoch < 60; epoch++) {
      for (const [x, y] of lineBatches()) {
        byHand.optimizer.zeroGrad();
        squaredError(byHand.model(x), y).backward();
        byHand.optimizer.step();
      }
    }
    expect(model.weight.toArray()).toEqual(byHand.model.weight.toArray());
  });

  test("averages loss and metrics over samples, also where the last batch is smaller", async () => {
    const { model, ...options } = prepare();
    const [[x, y]] = lineBatches(1, 5) as [[Tensor, Tensor]];
    const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 2 });
    const frozen = descent([model.weight, model.bias], 0);
    const metrics = [absoluteError(), meanLoss(squaredError)];
    const history = await fit(model, loader, { ...options, optimizer: frozen, metrics });
    const output = model(x);
    const [logs] = history.epochs as [Logs];
    expect(logs.loss).toBeCloseTo(squaredError(output, y).itemSync(), 6);
    expect(logs.meanLoss).toBeCloseTo(logs.loss!, 12);
    expect(logs.absoluteError).toBeCloseTo(output.sub(y).abs().mean().itemSync(), 6);
  });

  test("validates after each epoch in evaluation mode, without gradients", async () => {
    const { model, ...options } = prepare();
    const gradients: boolean[] = [];
    const metric = new MeanMetric("probe", (output) => {
      gradients.push(isGradEnabled() || output.requiresGrad);
      return output.flatten();
    });
    const validation = lineBatches(1);
    const history = await fit(model, lineBatches(2), { ...options, epochs: 2, validation, metrics: [metric] }); // prettier-ignore
    expect(model.modes).toEqual([true, true, false, true, true, false]);
    expect(model.training).toBe(true);
    expect(gradients).toEqual(Array.from({ length: 6 }, () => false));
    expect(Object.keys(history.epochs[0]!)).toEqual(["loss", "probe", "valLoss", "valProbe"]);
  });

  test("calls back in Keras's order", async () => {
    const heard: string[] = [];
    const names = ["onTrainBegin", "onTrainEnd", "onEpochBegin", "onEpochEnd", "onBatchBegin", "onBatchEnd", "onTestBegin", "onTestEnd"] as const; // prettier-ignore
    const hooks = Object.fromEntries(
      names.map((name) => [
        name,
        (at: unknown) => void heard.push(typeof at === "number" ? `${name} ${at}` : name),
      ]),
    );
    const { model, ...options } = prepare();
    const callbacks = [new LambdaCallback(hooks as Callback)];
    await fit(model, lineBatches(2), { ...options, epochs: 2, callbacks, validation: lineBatches(1) }); // prettier-ignore
    const epoch = (n: number) => [
      `onEpochBegin ${n}`, "onBatchBegin 0", "onBatchEnd 0", "onBatchBegin 1", "onBatchEnd 1",
      "onTestBegin", "onTestEnd", `onEpochEnd ${n}`,
    ]; // prettier-ignore
    expect(heard).toEqual(["onTrainBegin", ...epoch(0), ...epoch(1), "onTrainEnd"]);
  });

  test("stops after the step in which its signal was aborted", async () => {
    const { model, ...options } = prepare();
    const controller = new AbortController();
    const steps: number[] = [];
    const callback: Callback = {
      onBatchEnd(batch, _logs, run) {
        steps.push(run.step);
        if (batch === 1) controller.abort();
      },
    };
    const history = await fit(model, lineBatches(4), { ...options, epochs: 3, callbacks: [callback], signal: controller.signal }); // prettier-ignore
    expect([steps, history.stopped, history.epochs]).toEqual([[1, 2], "signal", []]);
  });

  test("continues from the progress of an interrupted run", async () => {
    const data = () => new DataLoader(new TensorDataset(...joined()), { batchSize: 4, shuffle: true, seed: 5 }); // prettier-ignore
    const whole = prepare();
    const metrics = () => [absoluteError()];
    const expected = await fit(whole.model, data(), { ...whole, epochs: 3, metrics: metrics() });

    const cut = prepare();
    const loader = data();
    let saved: string | undefined;
    const stop: Callback = {
      onBatchEnd: (_batch, _logs, run) => (run.step === 11 ? run.stop("enough") : undefined),
      async onTrainEnd(run) {
        saved = JSON.stringify([await run.progress(), loader.stateDict()]);
      },
    };
    await fit(cut.model, loader, { ...cut, epochs: 3, metrics: metrics(), callbacks: [stop] });
    const [resume, position] = JSON.parse(saved!);
    const continued = data();
    continued.loadStateDict(position);
    const history = await fit(cut.model, continued, { ...cut, epochs: 3, metrics: metrics(), resume }); // prettier-ignore
    expect(cut.model.weight.toArray()).toEqual(whole.model.weight.toArray());
    expect(history.toJSON()).toEqual(expected.toJSON());
  });

  test("frees what its steps made", async () => {
    const { model, ...options } = prepare();
    const batches = lineBatches();
    await fit(model, batches, { ...options, metrics: [absoluteError()] });
    const device = defaultDevice();
    const before = device.liveBuffers;
    await fit(model, batches, { ...options, epochs: 20, metrics: [absoluteError()], validation: batches }); // prettier-ignore
    expect(device.liveBuffers).toBeLessThanOrEqual(before);
  });

  test("refuses two metrics of one name", async () => {
    const { model, ...options } = prepare();
    const metrics = [meanLoss(squaredError, "loss")];
    await expect(
      fit(model, [], { ...options, metrics }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: fit: two metrics are named "loss". Rename one.]`,
    );
  });

  test("a learning rate schedule sees every step", async () => {
    const { model, ...options } = prepare();
    const seen: [number, number][] = [];
    const schedule = new LearningRateScheduler((step, steps) => {
      seen.push([step, steps]);
      return 0.5 ** step;
    });
    await fit(model, lineBatches(2), { ...options, epochs: 2, callbacks: [schedule] });
    expect(seen).toEqual([[0, 4], [1, 4], [2, 4], [3, 4]]); // prettier-ignore
    expect(options.optimizer.paramGroups[0]!.lr).toBe(0.125);
  });
});

describe("evaluate and predict", () => {
  test("give means and joined outputs, and leave the mode as it was", async () => {
    const { model } = prepare();
    const batches = lineBatches(3, 2);
    const logs = await evaluate(model, batches, { loss: squaredError, metrics: [absoluteError()] });
    expect(Object.keys(logs)).toEqual(["loss", "absoluteError"]);
    const outputs = await predict(model, batches);
    expect(outputs.shape).toEqual([6, 1]);
    const apart = batches.flatMap(([x]) => model(x).toArray());
    expect(outputs.toArray()).toEqual(apart);
    expect((await predict(model, [batches[0]![0]])).shape).toEqual([2, 1]);
    expect(model.training).toBe(true);
  });

  test("predict says what it cannot join", async () => {
    await expect(predict((x) => x.sum(), [tensor([1])])).rejects.toThrow(/0-d tensor/);
    await expect(predict((x) => x, [])).rejects.toThrow(/no batches/);
  });
});

/** All of `lineBatches` as one. */
function joined(): [Tensor, Tensor] {
  const batches = lineBatches(5, 4);
  const rows = (part: 0 | 1) => batches.flatMap((batch) => batch[part].toArray() as number[][]);
  return [tensor(rows(0)), tensor(rows(1))];
}
