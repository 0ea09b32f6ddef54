// Layers against PyTorch: outputs, gradients of inputs and parameters, buffers afterwards.
import { type Tensor, autograd, tensor } from "@flambeau/core";
import { describe, expect, test } from "vitest";
import { readFixture } from "./fixtures.ts";
import * as nn from "./index.ts";

interface Values {
  readonly dtype: "float32" | "int64";
  readonly shape: readonly number[];
  readonly data: readonly (number | { readonly $float: string })[];
  readonly grad?: boolean;
  readonly tol?: readonly [number, number];
}

type Named<T> = { readonly [name: string]: T };

interface Case {
  readonly id: string;
  readonly module: string;
  readonly ctor: Named<unknown>;
  readonly train: boolean;
  readonly params: Named<Values>;
  readonly args: readonly Values[];
  readonly out: readonly Values[];
  readonly grad_out: Named<Values>;
  readonly grad_in: Named<Values | null>;
  readonly grad_param: Named<Values>;
  readonly buffers_after?: Named<Values>;
}

const cases = readFixture<readonly Case[]>("modules.json.gz");

const camelCase = (name: string): string =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** PyTorch's names of what stands before the options. */
const positional = [
  ["in_features", "in1_features", "in_channels", "num_features", "num_groups"],
  ["in2_features", "out_features", "out_channels", "num_channels"],
  ["kernel_size"],
] as const;

function make(name: string, given: Named<unknown>): nn.Module {
  const rest = { ...given };
  const first: unknown[] = [];
  for (const names of positional) {
    const found = names.find((one) => one in rest);
    if (found === undefined) continue;
    first.push(rest[found]);
    delete rest[found];
  }
  if (name === "Bilinear") {
    first.push(rest["out_features"]);
    delete rest["out_features"];
  }
  const options = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [camelCase(key), value]),
  );
  const layer = { ...nn }[name as "Linear"] as unknown as new (...inputs: unknown[]) => nn.Module;
  return new layer(...first, options);
}

const toTensor = ({ dtype, shape, data, grad }: Values): Tensor =>
  tensor(
    data.map((value) => (typeof value === "number" ? value : Number(value.$float))),
    { dtype, shape, requiresGrad: grad === true },
  );

function expectNear(what: string, actual: Tensor | undefined, expected: Values): void {
  expect(actual, what).toBeDefined();
  expect(actual!.shape, what).toEqual(expected.shape);
  const [relative, absolute] = expected.tol ?? [0, 0];
  actual!.dataSync().forEach((value: number | bigint, i: number) => {
    const golden = Number(expected.data[i]);
    const error = Math.abs(Number(value) - golden);
    expect(error, `${what}[${i}]`).toBeLessThanOrEqual(absolute + relative * Math.abs(golden));
  });
}

describe.each(cases)("$id $module $ctor", (spec) => {
  test(spec.train ? "training" : "evaluation", () => {
    const layer = make(spec.module, spec.ctor).train(spec.train);
    layer.loadStateDict(
      Object.fromEntries(
        Object.entries(spec.params).map(([name, value]) => [name, toTensor(value)]),
      ),
    );
    const inputs = spec.args.map(toTensor);
    const output = (layer as unknown as (...inputs: Tensor[]) => Tensor)(...inputs);
    expectNear("output", output, spec.out[0]!);

    const tracked = inputs.filter((input) => input.requiresGrad);
    const parameters = layer.namedParameters();
    const grads = autograd.grad(output, [...tracked, ...parameters.map(([, one]) => one)], {
      gradOutputs: toTensor(spec.grad_out["0"]!),
      allowUnused: true,
    });
    Object.values(spec.grad_in).forEach((golden, i) => {
      if (golden !== null) expectNear(`gradient of input ${i}`, grads[i], golden);
    });
    parameters.forEach(([name], i) => {
      expectNear(`gradient of ${name}`, grads[tracked.length + i], spec.grad_param[name]!);
    });
    const buffers = Object.fromEntries(layer.namedBuffers());
    for (const [name, golden] of Object.entries(spec.buffers_after ?? {})) {
      expectNear(name, buffers[name], golden);
    }
  });
});
