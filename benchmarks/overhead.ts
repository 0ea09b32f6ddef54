// What the framework itself costs: eager ops on 16 elements and a tiny training step, on the null device
// (nothing is computed) and on the default one. CPU time of the process, so that neighbours on the machine
// count little; medians of bursts.
//
// What was learnt: a call looks for what was prepared by comparing interned layouts, builds no text, and
// allocates a Storage, a Tensor and two small arrays. Where core must register buffers with a
// FinalizationRegistry (wasm), that and the collector's work for it are most of the cost.
import {
  add, crossEntropy, defaultDevice, mul, relu, setDefaultDevice, settle, sum, tanh, tensor, zeros,
} from "flambeau"; // prettier-ignore
import { Linear } from "flambeau/nn";
import { SGD } from "flambeau/optim";

const microseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** The cost of `step`, divided by the ops in it. */
async function measure(name: string, step: () => void, ops = 1): Promise<void> {
  const burst = (length: number): number => {
    const start = microseconds();
    let steps = 0;
    do {
      for (let i = 0; i < 50; i++) step();
      steps += 50;
    } while (microseconds() - start < length);
    return (microseconds() - start) / (steps * ops);
  };
  burst(300_000);
  const costs: number[] = [];
  for (let round = 0; round < 9; round++) {
    await settle();
    await new Promise((resolve) => setImmediate(resolve));
    costs.push(burst(40_000));
  }
  const [fastest, , , , median] = costs.sort((a, b) => a - b) as [number, ...number[]];
  console.log(
    `  ${name.padEnd(34)} ${median!.toFixed(3).padStart(8)} µs  (from ${fastest.toFixed(3)})`,
  );
}

async function measureDevice(name: string): Promise<void> {
  const before = defaultDevice();
  setDefaultDevice(name);
  console.log(`\ncosts of calls, device ${name}`);
  const a = tensor(new Float32Array(16).fill(1));
  const b = tensor(new Float32Array(16).fill(2));
  const w = tensor(new Float32Array(16).fill(3), { requiresGrad: true });
  await measure("add, result dropped", () => void add(a, b));
  await measure("add, result disposed of", () => a.add(b).dispose());
  await measure("mul by a number", () => mul(a, 2).dispose());
  await measure("mul, recorded", () => void mul(a, w));
  const forwardAndBackward = (): void => {
    sum(mul(a, w)).backward();
    w.grad = undefined;
  };
  await measure("sum(mul), backward too, per op", forwardAndBackward, 2);
  const chain = (): void => {
    let y = mul(a, w);
    for (let i = 0; i < 10; i++) y = tanh(mul(y, w));
    sum(y).backward();
    w.grad = undefined;
  };
  await measure("22 ops, backward too, per op", chain, 22);
  const layers = [new Linear(2, 16), new Linear(16, 16), new Linear(16, 2)] as const;
  const optimizer = new SGD(layers.flatMap((layer) => [...layer.parameters()]), { lr: 0.01 }); // prettier-ignore
  const inputs = zeros([32, 2]);
  const classes = zeros([32], { dtype: "int32" });
  const train = (): void => {
    optimizer.zeroGrad();
    const hidden = relu(layers[1].forward(relu(layers[0].forward(inputs))));
    crossEntropy(layers[2].forward(hidden), classes).backward();
    optimizer.step();
  };
  await measure("training step, 2-16-16-2, batch 32", train);
  setDefaultDevice(before);
}

export async function benchmarkOverhead(): Promise<void> {
  const { name } = defaultDevice();
  await measureDevice("null");
  await measureDevice(name);
}

if (process.argv[1]?.endsWith("overhead.ts")) await benchmarkOverhead();
