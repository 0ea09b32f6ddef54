// Checkpoints: what they hold, and that training continued from one equals training without a break.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  FormatError,
  Generator,
  Variable,
  defaultDevice,
  manualSeed,
  rand,
  setDefaultDevice,
  tensor,
} from "@flambeau/core";
import { DataLoader, TensorDataset } from "@flambeau/data";
import { saveSafetensors } from "@flambeau/formats";
import { Adam } from "@flambeau/optim";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { squaredError, tinyModel } from "./fixtures.ts";
import { type Callback, fit, loadCheckpoint, saveCheckpoint } from "./index.ts";
import { packState, unpackState } from "./packed-state.ts";

let folder: string;
beforeAll(async () => {
  setDefaultDevice("reference");
  folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Trains with Adam, shuffling and random noise: everything that has a state. */
function experiment() {
  const model = tinyModel(3, 2);
  const rows = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i));
  const targets = Float32Array.from({ length: 40 }, (_, i) => Math.cos(i));
  const dataset = new TensorDataset(
    { data: rows, shape: [20, 3] },
    { data: targets, shape: [20, 2] },
  );
  const loader = new DataLoader(dataset, { batchSize: 6, shuffle: true, seed: 9 });
  const optimizer = new Adam([model.weight, model.bias], { lr: 0.05 });
  const noisy = Object.assign(
    (x: Parameters<typeof model>[0]) => model(x.add(rand(x.shape))),
    model,
  );
  return { model: noisy, loader, optimizer };
}

test.each([1, 4, 6, 11])("a run cut after %i steps continues bit for bit", async (cutAt) => {
  manualSeed(3);
  const whole = experiment();
  const expected = await fit(whole.model, whole.loader, {
    ...whole,
    loss: squaredError,
    epochs: 3,
  });

  const path = join(folder, `cut-${cutAt}.safetensors`);
  manualSeed(3);
  const cut = experiment();
  const stop: Callback = {
    async onBatchEnd(_batch, _logs, run) {
      if (run.step !== cutAt) return;
      await saveCheckpoint(path, cut, await run.progress());
      run.stop("cut");
    },
  };
  await fit(cut.model, cut.loader, { ...cut, loss: squaredError, epochs: 3, callbacks: [stop] });

  manualSeed(1234);
  const resumed = experiment();
  const resume = await loadCheckpoint(path, resumed);
  const history = await fit(resumed.model, resumed.loader, {
    ...resumed,
    loss: squaredError,
    epochs: 3,
    resume,
  });
  expect(resumed.model.weight.toArray()).toEqual(whole.model.weight.toArray());
  expect(resumed.model.bias.toArray()).toEqual(whole.model.bias.toArray());
  expect(history.toJSON()).toEqual(expected.toJSON());
});

test("generators of one's own are parts", async () => {
  const path = join(folder, "generator.safetensors");
  const noise = new Generator(defaultDevice(), 5);
  rand([3], { generator: noise });
  await saveCheckpoint(path, { noise });
  const expected = rand([3], { generator: noise }).toArray();
  const other = new Generator(defaultDevice(), 6);
  await loadCheckpoint(path, { noise: other });
  expect(rand([3], { generator: other }).toArray()).toEqual(expected);
});

test("the states are those at the call, though training goes on", async () => {
  const path = join(folder, "snapshot.safetensors");
  const { model } = experiment();
  const before = model.weight.toArray();
  const saving = saveCheckpoint(path, { model });
  model.weight.assign(0);
  await saving;
  await loadCheckpoint(path, { model });
  expect(model.weight.toArray()).toEqual(before);
});

test("what is missing is named, and nothing changes", async () => {
  const path = join(folder, "partial.safetensors");
  const saved = experiment();
  await saveCheckpoint(path, { model: saved.model });
  const { model, optimizer } = experiment();
  model.weight.assign(7);
  await expect(loadCheckpoint(path, { model, optimizer })).rejects.toThrow(
    /holds no optimizer. It holds model, default generator/,
  );
  expect(model.weight.at(0, 0).itemSync()).toBe(7);
  await saveSafetensors(path, { x: tensor([1]) });
  await expect(loadCheckpoint(path, { model })).rejects.toThrow(/holds tensors only/);
  await saveSafetensors(path, {}, { metadata: { flambeau: '{"version":99}' } });
  await expect(loadCheckpoint(path, { model })).rejects.toThrow(/version 99; expected 1/);
});

test("any state of plain values and tensors packs and unpacks", () => {
  const leaf = fc.oneof(
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.float({ noNaN: true }).map((value) => tensor([value])),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("tree")),
      fc
        .dictionary(
          fc.string().filter((key) => !key.startsWith("$") && key !== "__proto__"),
          tie("tree"),
        )
        .map((value) => ({ ...value })),
    ),
  }));
  const property = fc.property(tree, (state) => {
    const tensors = {};
    const packed = JSON.parse(JSON.stringify(packState(state, "root", tensors)));
    expect(unpackState(packed, tensors)).toEqual(state);
  });
  fc.assert(property);
});

test("states that JSON cannot hold are refused by name", () => {
  expect(() => packState({ a: [new Map()] }, "model", {})).toThrowErrorMatchingInlineSnapshot(
    `[FormatError: checkpoint: model.a.0 is a Map. A state dict may hold tensors, numbers, strings, booleans, null, arrays and plain objects.]`,
  );
  expect(() => packState({ a: () => 1 }, "model", {})).toThrow(FormatError);
  expect(() => packState({ v: new Variable(tensor([1])) }, "model", {})).not.toThrow();
  expect(() => unpackState({ $tensor: "gone" }, {})).toThrow(/"gone" is missing/);
});
