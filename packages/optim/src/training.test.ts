// Whole training runs against PyTorch: models, optimizers, schedules and clipping together, step by
// step from the same weights on the same batches. The larger models run on wasm, which is faster.
import { createWasmBackend } from "@flambeau/backend-wasm";
import {
  type Tensor,
  crossEntropy,
  noGrad,
  registerBackend,
  setDefaultDevice,
  tensor,
} from "@flambeau/core";
import * as nn from "@flambeau/nn";
import { describe, expect, test } from "vitest";
import { camelKeys, readFixture } from "./fixtures.ts";
import * as optim from "./index.ts";

interface Values {
  readonly dtype: "float64" | "int64";
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Curves {
  readonly loss: readonly number[];
  readonly lr: readonly number[];
  readonly grad_norm: readonly number[];
  readonly eval_loss: number;
}

interface Run {
  readonly id: string;
  readonly model: "mlp" | "cnn" | "gpt";
  readonly optimizer: { readonly cls: string; readonly lr: number };
  readonly scheduler: { readonly cls: string; readonly [option: string]: unknown };
  readonly clip_grad_norm: number | null;
  readonly f64: Curves;
}

const { init, runs } = readFixture<{
  readonly init: { readonly [name: string]: Values };
  readonly runs: readonly Run[];
}>("runs.json.gz");

class MLP extends nn.Module {
  readonly fc1 = new nn.Linear(8, 16);
  readonly fc2 = new nn.Linear(16, 16);
  readonly fc3 = new nn.Linear(16, 4);
  forward(x: Tensor): Tensor {
    return this.fc3(this.fc2(this.fc1(x).relu()).tanh());
  }
}

class CNN extends nn.Module {
  readonly c1 = new nn.Conv2d(1, 4, 3, { padding: 1 });
  readonly b1 = new nn.BatchNorm2d(4);
  readonly pool = new nn.MaxPool2d(2);
  readonly c2 = new nn.Conv2d(4, 8, 3, { padding: 1, bias: false });
  readonly b2 = new nn.BatchNorm2d(8);
  readonly fc = new nn.Linear(8, 3);
  forward(x: Tensor): Tensor {
    const y = this.pool(this.b1(this.c1(x)).relu()); // [batch, 4, 4, 4]
    return this.fc(this.b2(this.c2(y)).relu().mean([2, 3]));
  }
}

/** A pre-norm transformer block: 16 features, 4 heads, causal. */
class Block extends nn.Module {
  readonly ln1 = new nn.LayerNorm(16);
  readonly qkv = new nn.Linear(16, 48);
  readonly proj = new nn.Linear(16, 16);
  readonly ln2 = new nn.LayerNorm(16);
  readonly up = new nn.Linear(16, 64);
  readonly down = new nn.Linear(64, 16);

  forward(x: Tensor): Tensor {
    const y = x.add(this.proj(this.attend(this.qkv(this.ln1(x)))));
    return y.add(this.down(this.up(this.ln2(y)).gelu()));
  }

  attend(qkv: Tensor): Tensor {
    const [batch, time] = qkv.shape as [number, number];
    const [q, k, v] = qkv.reshape([batch, time, 3, 4, 4]).permute([2, 0, 3, 1, 4]).unbind(0) as [
      Tensor,
      Tensor,
      Tensor,
    ]; // [batch, heads, time, size]
    const past = tensor(
      Array.from({ length: time }, (_, i) => Array.from({ length: time }, (__, j) => j > i)),
    );
    const scores = q.matmul(k.transpose(-1, -2)).div(2).maskedFill(past, -Infinity);
    return scores.softmax(-1).matmul(v).permute([0, 2, 1, 3]).reshape([batch, time, 16]);
  }
}

class GPT extends nn.Module {
  readonly tok = new nn.Embedding(12, 16);
  readonly pos = new nn.Embedding(10, 16);
  readonly blocks = [new Block(), new Block()];
  readonly ln = new nn.LayerNorm(16);
  readonly head = new nn.Linear(16, 12, { bias: false });

  forward(x: Tensor): Tensor {
    let y = this.tok(x).add(this.pos.weight);
    for (const block of this.blocks) y = block(y);
    return this.head(this.ln(y)).reshape([-1, 12]); // [batch · time, classes]
  }
}

const models = { mlp: MLP, cnn: CNN, gpt: GPT };

const toTensor = ({ dtype, shape, data }: Values): Tensor => tensor([...data], { dtype, shape });

/** Rows of a fixture's array. */
function rows({ dtype, shape, data }: Values, positions: readonly number[]): Tensor {
  const size = shape.slice(1).reduce((product, n) => product * n, 1);
  const picked = positions.flatMap((at) => data.slice(at * size, (at + 1) * size));
  return tensor(picked, { dtype, shape: [positions.length, ...shape.slice(1)] });
}

function makeSchedule({ cls, ...given }: Run["scheduler"], optimizer: optim.Adam, lr: number) {
  const options = camelKeys(given) as Record<string, never>;
  switch (cls) {
    case "StepLR":
      return new optim.StepLR(optimizer, options.stepSize!, options);
    case "CosineAnnealingLR":
      return new optim.CosineAnnealingLR(optimizer, options.TMax!, options);
    case "ExponentialLR":
      return new optim.ExponentialLR(optimizer, options.gamma!);
    default:
      return new optim.OneCycleLR(optimizer, 2 * lr, options);
  }
}

function expectNear(actual: number, expected: number, relative: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 + relative * Math.abs(expected));
}

registerBackend("wasm", () => createWasmBackend({ threads: 1 }));

// Fifty steps of each: the fast lane takes the first.
const chosen = process.env["FLAMBEAU_LANE"] === "fast" ? runs.slice(0, 1) : runs;

describe.each(chosen)("$id", (run) => {
  test("loss, rate and gradient norm at each step", () => {
    setDefaultDevice(run.model === "mlp" ? "reference" : "wasm");
    const model = new models[run.model]().to("float64");
    const prefix = `${run.model}.`;
    const names = Object.keys(model.stateDict()).map((name) => prefix + name);
    model.loadStateDict(
      Object.fromEntries(names.map((name) => [name.slice(prefix.length), toTensor(init[name]!)])),
    );
    const { cls, ...rest } = run.optimizer;
    const make = { ...optim }[cls as "Adam"];
    const optimizer = new make(model.parameters(), camelKeys(rest));
    const schedule = makeSchedule(run.scheduler, optimizer, run.optimizer.lr);
    const [x, y] = [init[`${prefix}x`]!, init[`${prefix}y`]!];
    const lossOn = (positions: readonly number[]): Tensor =>
      crossEntropy(model(rows(x, positions)), rows(y, positions).reshape([-1]));
    for (let step = 0; step < run.f64.loss.length; step++) {
      const positions = init.batches!.data.slice(step * 16, (step + 1) * 16);
      optimizer.zeroGrad();
      const loss = lossOn(positions);
      loss.backward();
      const norm = optim.clipGradNorm(model.parameters(), run.clip_grad_norm ?? Infinity);
      expectNear(optimizer.paramGroups[0]!.lr, run.f64.lr[step]!, 1e-9);
      expectNear(loss.itemSync(), run.f64.loss[step]!, 1e-7);
      expectNear(norm.itemSync(), run.f64.grad_norm[step]!, 1e-6);
      optimizer.step();
      schedule.step();
    }
    model.eval();
    const everything = Array.from({ length: x.shape[0]! }, (_, i) => i);
    expectNear(noGrad(() => lossOn(everything)).itemSync(), run.f64.eval_loss, 5e-7);
  });
});
