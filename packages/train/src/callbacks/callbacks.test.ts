// The ready-made callbacks, on a tiny model or on hooks called by hand.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setDefaultDevice } from "@flambeau/core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { descent, lineBatches, squaredError, tinyModel } from "../fixtures.ts";
import {
  CSVLogger,
  EarlyStopping,
  History,
  type Logs,
  ModelCheckpoint,
  ProgressBar,
  type TrainingRun,
  fit,
  loadCheckpoint,
} from "../index.ts";

let folder: string;
beforeAll(async () => {
  setDefaultDevice("reference");
  folder = await mkdtemp(join(tmpdir(), "callbacks-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A terminal, or a file, that remembers what was written. */
function screen(isTTY: boolean, columns = 100) {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns }), read: () => text };
}

const prepare = () => {
  const model = tinyModel();
  return { model, optimizer: descent([model.weight, model.bias]), loss: squaredError };
};

describe("ProgressBar", () => {
  test("writes one plain line per epoch where there is no terminal", async () => {
    const { stream, read } = screen(false);
    const { model, ...options } = prepare();
    const callbacks = [new ProgressBar({ stream })];
    await fit(model, lineBatches(), {
      ...options,
      epochs: 2,
      callbacks,
      validation: lineBatches(1),
    });
    const lines = read()
      .replaceAll(/\d+ samples\/s/g, "N samples/s")
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^epoch 2\/2 · step 4\/4 · loss 0\.\d{4} · val loss 0\.\d{4} · N samples\/s · 1 s$/,
    );
    expect(read()).not.toContain("\u001B");
  });

  test("redraws one line in a terminal, never wider than it", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const { stream, read } = screen(true, 76);
      const bar = new ProgressBar({ stream });
      const run = { epoch: 0, epochs: 2, batch: 0, batches: 10, samples: 100, samplesSeen: 0 };
      const asRun = run as unknown as TrainingRun;
      bar.onEpochBegin(0, asRun);
      for (let batch = 0; batch < 10; batch++) {
        vi.advanceTimersByTime(1000);
        Object.assign(run, { batch: batch + 1, samplesSeen: 10 * (batch + 1) });
        bar.onBatchEnd(batch, { loss: 1 / (batch + 1), accuracy: 0.5 }, asRun);
      }
      bar.onEpochEnd(0, { loss: 0.1, accuracy: 0.5 }, asRun);
      bar.onTrainEnd();
      const colors = /\u001B\[\d*[mK]/g; // eslint-disable-line no-control-regex
      const frames = read().replaceAll(colors, "").trimEnd().split("\r").slice(1);
      expect(frames).toHaveLength(11);
      expect(frames[4]).toBe(
        `epoch 1/2 ${"━".repeat(12)}${"─".repeat(12)} 5/10 · loss 0.2000 · accuracy 0.5000`,
      );
      for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(76);
      expect(read().endsWith("\n")).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("EarlyStopping", () => {
  const feed = (options: ConstructorParameters<typeof EarlyStopping>[0], values: number[]) => {
    const callback = new EarlyStopping(options);
    const history = new History();
    const run = { model: tinyModel(), history, stop: (why: string) => (history.stopped ??= why) };
    callback.onTrainBegin();
    let epoch = 0;
    for (const value of values) {
      callback.onEpochEnd(
        epoch++,
        { valLoss: value, accuracy: value },
        run as unknown as TrainingRun,
      );
      if (history.stopped !== undefined) break;
    }
    return { epochs: epoch, stopped: history.stopped };
  };

  test("waits as long as its patience", () => {
    expect(feed({}, [3, 2, 2.5, 1])).toEqual({
      epochs: 3,
      stopped: "valLoss has not improved since epoch 2",
    });
    expect(feed({ patience: 2 }, [3, 2, 2.5, 1, 4, 4, 4]).epochs).toBe(6);
    expect(feed({ minDelta: 0.5 }, [3, 2.8]).epochs).toBe(2);
    expect(feed({ monitor: "accuracy" }, [0.1, 0.2, 0.3]).stopped).toBeUndefined();
    expect(feed({ patience: 1 }, [NaN, 2, 1]).stopped).toBeUndefined();
  });

  test("gives back the best weights", async () => {
    const { model, ...options } = prepare();
    const seen: unknown[] = [];
    // Learns, then walks away from what it learnt.
    const walkAway = {
      onEpochEnd: (epoch: number) => {
        seen.push(model.weight.toArray());
        options.optimizer.paramGroups[0]!.lr = epoch < 2 ? 0.1 : -0.1;
      },
    };
    const stopping = new EarlyStopping({ monitor: "loss", restoreBestWeights: true });
    await fit(model, lineBatches(), { ...options, epochs: 9, callbacks: [stopping, walkAway] });
    const best = model.weight.toArray();
    expect(seen.slice(0, -1)).toContainEqual(best);
    expect(seen.at(-1)).not.toEqual(best);
  });

  test("names what it can watch", () => {
    const callback = new EarlyStopping();
    const run = { history: new History() } as unknown as TrainingRun;
    expect(() => callback.onEpochEnd(0, { loss: 1 }, run)).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: EarlyStopping: valLoss is not among the logs loss. Give fit a validation set, or choose another monitor.]`,
    );
  });
});

test("CSVLogger writes a header once, and appends", async () => {
  const path = join(folder, "log.csv");
  const write = async (append: boolean, epoch: number, logs: Logs) =>
    await new CSVLogger(path, { append }).onEpochEnd(epoch, logs);
  await write(false, 0, { loss: 0.5, accuracy: 0.75 });
  await write(true, 1, { accuracy: 1, loss: 0.25 });
  expect(await readFile(path, "utf8")).toBe("epoch,loss,accuracy\n0,0.5,0.75\n1,0.25,1\n");
});

describe("ModelCheckpoint", () => {
  test("saves each epoch, and when training is stopped in the middle", async () => {
    const path = join(folder, "latest.safetensors");
    const { model, ...options } = prepare();
    const saved: unknown[] = [];
    const peek = {
      onEpochEnd: async () => {
        const progress = await loadCheckpoint(path, { model: tinyModel() });
        saved.push([progress!.epoch, progress!.batch]);
      },
      onBatchEnd: (_: number, __: Logs, run: TrainingRun) =>
        run.step === 7 ? run.stop("enough") : undefined,
    };
    await fit(model, lineBatches(3), {
      ...options,
      epochs: 5,
      callbacks: [new ModelCheckpoint(path), peek],
    });
    expect(saved).toEqual([[1, 0], [2, 0]]); // prettier-ignore
    const restored = tinyModel();
    const progress = await loadCheckpoint(path, { model: restored });
    expect([progress!.epoch, progress!.batch]).toEqual([2, 1]);
    expect(restored.weight.toArray()).toEqual(model.weight.toArray());
  });

  test("saves after so many steps, or the best epochs only, under names of its own", async () => {
    const { model, ...options } = prepare();
    const steps = new ModelCheckpoint(join(folder, "steps.safetensors"), { every: 2 });
    const best = new ModelCheckpoint((epoch) => join(folder, `best-${epoch}.safetensors`), {
      monitor: "loss",
      saveBestOnly: true,
    });
    await fit(model, lineBatches(3), { ...options, epochs: 2, callbacks: [steps, best] });
    const progress = await loadCheckpoint(join(folder, "steps.safetensors"), {});
    expect([progress!.epoch, progress!.batch]).toEqual([1, 3]);
    const names = (await readdir(folder)).filter((name) => name.startsWith("best"));
    expect(names.sort()).toEqual(["best-1.safetensors", "best-2.safetensors"]);
  });
});
