// DataLoader: order, sizes, resuming, prefetching, memory.
import { type Tensor, defaultDevice, setDefaultDevice, tensor } from "@flambeau/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { DataLoader, type Dataset, TensorDataset, shuffledOrder } from "./index.ts";

beforeAll(() => void setDefaultDevice("reference"));

const numbers = (length: number) => new TensorDataset(Int32Array.from({ length }, (_, i) => i));

async function epoch(loader: AsyncIterable<[Tensor]>, limit = Infinity): Promise<number[][]> {
  const batches: number[][] = [];
  if (limit === 0) return batches;
  for await (const [x] of loader) {
    batches.push([...(x.dataSync() as Int32Array)]);
    if (batches.length === limit) break;
  }
  return batches;
}

describe("batches", () => {
  test("come in order, the last one smaller or left out", async () => {
    const all = new DataLoader(numbers(5), { batchSize: 2 });
    expect(all.length).toBe(3);
    expect(await epoch(all)).toEqual([[0, 1], [2, 3], [4]]); // prettier-ignore
    const whole = new DataLoader(numbers(5), { batchSize: 2, dropLast: true });
    expect(whole.length).toBe(2);
    expect(await epoch(whole)).toEqual([[0, 1], [2, 3]]); // prettier-ignore
  });

  test("an empty data set has none", async () => {
    expect(await epoch(new DataLoader(numbers(0)))).toEqual([]);
  });

  test("options must be numbers that make sense", () => {
    expect(() => new DataLoader(numbers(1), { batchSize: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: DataLoader: batchSize must be an integer of at least 1, got 0.]`,
    );
    expect(() => new DataLoader(numbers(1), { seed: 0.5 })).toThrow(/seed must be an integer/);
  });

  test("a collate function replaces the default", async () => {
    const dataset: Dataset<number, number> = { length: 3, at: (i) => i * 10 };
    const loader = new DataLoader(dataset, {
      batchSize: 2,
      collate: (samples) => samples.reduce((a, b) => a + b, 0),
    });
    const sums: number[] = [];
    for await (const sum of loader) sums.push(sum);
    expect(sums).toEqual([10, 20]);
  });
});

describe("shuffling", () => {
  test("every order is a permutation, and depends on seed and epoch only", () => {
    const property = fc.property(fc.nat(200), fc.maxSafeInteger(), fc.nat(), (n, seed, at) => {
      const order = shuffledOrder(n, seed, at);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(shuffledOrder(n, seed, at)).toEqual(order);
    });
    fc.assert(property);
    expect(shuffledOrder(50, 1, 0)).not.toEqual(shuffledOrder(50, 1, 1));
    expect(shuffledOrder(50, 1, 0)).not.toEqual(shuffledOrder(50, 2, 0));
  });

  test("every sample is as likely in every place", () => {
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
    for (let at = 0; at < 4000; at++) {
      shuffledOrder(4, 7, at).forEach((sample, place) => counts[place]![sample]!++);
    }
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  test("epochs differ, and repeat with the seed", async () => {
    const make = () => new DataLoader(numbers(20), { batchSize: 6, shuffle: true, seed: 3 });
    const [a, b] = [make(), make()];
    const first = await epoch(a);
    expect(await epoch(a)).not.toEqual(first);
    expect(await epoch(b)).toEqual(first);
  });
});

describe("resuming", () => {
  test("continues with the batch after the last that was handed out", async () => {
    const property = fc.asyncProperty(
      fc.record({ n: fc.nat(30), batchSize: fc.integer({ min: 1, max: 7 }), seed: fc.nat(), shuffle: fc.boolean(), dropLast: fc.boolean() }),
      fc.nat(2),
      fc.nat(30),
      async ({ n, ...options }, wholeEpochs, stopAt) => {
        const make = () => new DataLoader(numbers(n), options);
        const [uninterrupted, interrupted, resumed] = [make(), make(), make()];
        for (let i = 0; i < wholeEpochs; i++) {
          await epoch(uninterrupted);
          await epoch(interrupted);
        }
        const expected = await epoch(uninterrupted);
        const before = await epoch(interrupted, Math.min(stopAt, expected.length));
        const state = JSON.parse(JSON.stringify(interrupted.stateDict()));
        resumed.loadStateDict(state);
        expect([...before, ...(await epoch(resumed))]).toEqual(expected);
        expect(await epoch(resumed)).toEqual(await epoch(uninterrupted));
      },
    ); // prettier-ignore
    await fc.assert(property, { numRuns: 60 });
  });

  test("a loop that was left begins the next epoch when it runs again", async () => {
    const loader = new DataLoader(numbers(4), { batchSize: 2 });
    expect(await epoch(loader, 1)).toEqual([[0, 1]]);
    expect(loader.stateDict()).toEqual({ seed: 0, epoch: 0, position: 1 });
    expect(await epoch(loader)).toEqual([[0, 1], [2, 3]]); // prettier-ignore
    expect(loader.stateDict()).toEqual({ seed: 0, epoch: 2, position: 0 });
  });

  test("a state of another data set is refused", () => {
    const loader = new DataLoader(numbers(4), { batchSize: 2 });
    const state = { seed: 0, epoch: 0, position: 3 };
    expect(() => loader.loadStateDict(state)).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: DataLoader: the saved position is batch 3, but an epoch has 2. Use the data set and batch size that it was saved with.]`,
    );
  });
});

describe("asynchronous data sets", () => {
  function slow(length: number, failAt = -1) {
    const log = { running: 0, most: 0 };
    const dataset: Dataset<number> = {
      length,
      async at(i) {
        log.most = Math.max(log.most, ++log.running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        log.running--;
        if (i === failAt) throw new Error(`sample ${i} is broken`);
        return i;
      },
    };
    return { dataset, log };
  }

  test.each([0, 1, 3])("keep their order with %i batches ahead", async (prefetch) => {
    const { dataset, log } = slow(12);
    const seen: unknown[] = [];
    for await (const x of new DataLoader(dataset, { batchSize: 2, prefetch }))
      seen.push(x.toArray());
    expect(seen.flat()).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(log.most).toBe(2 * (prefetch + 1));
  });

  test("an error comes when its batch is asked for", async () => {
    const seen: unknown[] = [];
    const loop = async () => {
      for await (const x of new DataLoader(slow(9, 5).dataset, { prefetch: 4 })) {
        seen.push(x.toArray());
      }
    };
    await expect(loop()).rejects.toThrow("sample 5 is broken");
    expect(seen.flat()).toEqual([0, 1, 2, 3, 4]);
  });
});

test("a loop that drops large tensors keeps the memory in bounds", async () => {
  const device = defaultDevice();
  const large = new Float32Array(2 ** 20);
  let most = 0;
  for await (const _ of new DataLoader(numbers(100))) {
    tensor(large);
    most = Math.max(most, device.liveBytes);
  }
  expect(most).toBeLessThan(200 * 2 ** 20);
});

test("the event loop turns while a loader runs", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for await (const _ of new DataLoader(numbers(10))) {
    for (const until = performance.now() + 16; performance.now() < until;);
  }
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(5);
});
