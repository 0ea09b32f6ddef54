// Metrics by hand, and the running mean below them on devices that must be awaited.
import { device, registerBackend, setDefaultDevice, tensor } from "@flambeau/core";
import { beforeAll, expect, test } from "vitest";
import { MeanMetric, accuracy, topKAccuracy } from "./index.ts";
import { RunningMean } from "./running-mean.ts";

beforeAll(() => void setDefaultDevice("reference"));

const scores = () => tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]]); // prettier-ignore
const classes = (...list: number[]) => tensor(list, { dtype: "int32" });

test("accuracy over batches of different sizes", async () => {
  const metric = accuracy();
  await metric.update(scores(), classes(1, 0, 2));
  await metric.update(tensor([[1, 0]]), classes(1));
  expect(await metric.result()).toBe(0.75);
  metric.reset();
  expect(await metric.result()).toBeNaN();
});

test("accuracy counts positions where targets have several axes", async () => {
  const metric = accuracy();
  const output = tensor([
    [
      [9, 0],
      [0, 9],
    ],
  ]); // [1, classes 2, positions 2]
  await metric.update(output, tensor([[0, 0]], { dtype: "int32" }));
  expect(await metric.result()).toBe(0.5);
});

test("top-k accuracy", async () => {
  for (const [k, expected] of [
    [1, 1 / 3],
    [2, 2 / 3],
    [3, 1],
  ] as const) {
    const metric = topKAccuracy(k);
    await metric.update(scores(), classes(1, 2, 0));
    expect(await metric.result()).toBeCloseTo(expected, 12);
    expect(metric.name).toBe(`top${k}Accuracy`);
  }
  expect(() => topKAccuracy(0)).toThrow(/positive integer/);
});

test("a metric may return a tensor that is not its own", async () => {
  const metric = new MeanMetric("target", (_output, target) => target);
  const target = tensor([1, 2, 3]);
  await metric.update(target, target);
  expect(await metric.result()).toBe(2);
  expect(target.toArray()).toEqual([1, 2, 3]);
});

test("on a device that must be awaited, nothing is read before someone asks", async () => {
  let reads = 0;
  const { backend } = device("reference");
  registerBackend("delayed", () => ({
    ...backend,
    name: "delayed",
    read: async (...place) => {
      reads++;
      return backend.read(...place);
    },
  }));
  const heard: number[] = [];
  const mean = new RunningMean((value) => heard.push(value));
  for (let i = 0; i < 3; i++) await mean.add(tensor([i, i + 1], { device: "delayed" }));
  expect(mean.current).toBeNaN();
  expect(reads).toBe(1); // of nothing, to see whether the device must be awaited
  expect(await mean.result()).toBe(1.5);
  expect(heard).toEqual([0.5, 1.5, 2.5]);
});
