// The texts of errors about autograd, state, memory, modes, tracing and devices.
import { beforeAll, describe, expect, it } from "vitest";
import { messageOf } from "../../testing/src/matchers.ts";
import {
  Parameter,
  add,
  autograd,
  device,
  enableGrad,
  mul,
  noGrad,
  ones,
  scope,
  setDefaultDevice,
  sum,
  tensor,
  trace,
} from "./index.ts";
import type { Tensor } from "./tensor.ts";

beforeAll(() => void setDefaultDevice("reference"));

describe("autograd", () => {
  const leaf = () => tensor([1, 2, 3], { requiresGrad: true });

  it("backward twice", () => {
    const loss = sum(mul(leaf(), leaf()));
    loss.backward();
    expect(messageOf(() => loss.backward())).toMatchInlineSnapshot(
      `"AutogradError: backward: mul was walked before and its saved tensors were freed. Pass { retainGraph: true } to the first backward() or grad() to go through it twice."`,
    );
  });

  it("from a non-scalar, through nothing", () => {
    expect(messageOf(() => mul(leaf(), 2).backward())).toMatchInlineSnapshot(
      `"AutogradError: backward: expected a scalar, got shape [3]. Reduce it with sum() or mean(), or pass { gradient } of the same shape."`,
    );
    expect(messageOf(() => sum(ones([2])).backward())).toMatchInlineSnapshot(
      `"AutogradError: backward: the output does not depend on any tensor that requires gradients. Create one with { requiresGrad: true }, use a Parameter, and check for noGrad() and detach() on the way."`,
    );
    expect(messageOf(() => mul(leaf(), 2).backward({ gradient: ones([2]) }))).toMatchInlineSnapshot(
      `"AutogradError: backward: a gradient of shape [2] arrived for a value of shape [3]."`,
    );
  });

  it("grad of what is not reached", () => {
    expect(messageOf(() => autograd.grad(sum(leaf()), leaf()))).toMatchInlineSnapshot(
      `"AutogradError: grad: no output depends on input 0. Pass { allowUnused: true } to get undefined for it."`,
    );
    expect(messageOf(() => autograd.grad(sum(leaf()), ones([2])))).toMatchInlineSnapshot(
      `"AutogradError: grad: input 0 does not require gradients. Create it with { requiresGrad: true }."`,
    );
  });

  it("requiresGrad on integers", () => {
    const options = { dtype: "int32", requiresGrad: true } as const;
    expect(messageOf(() => tensor([1], options))).toMatchInlineSnapshot(
      `"AutogradError: requiresGrad: only float tensors have gradients, got int32. Cast with to("float32")."`,
    );
    expect(messageOf(() => new Parameter(tensor([1n])))).toMatchInlineSnapshot(
      `"AutogradError: requiresGrad: only float tensors have gradients, got int64. Cast with to("float32")."`,
    );
  });

  it("gradcheck", () => {
    const { gradcheck } = autograd;
    const double = tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const wrong = (x: Tensor) => mul(x, x.detach());
    expect(messageOf(() => gradcheck(wrong as never, [double]))).toMatchInlineSnapshot(
      `"AutogradError: gradcheck: input 0 at [0] (value 1): the numeric derivative is -2.959456535604036, the analytic one -1.4797282677609473. Accepted difference: 0.00001 + 0.001 · |numeric|. The gradient is wrong, or the function is not smooth there."`,
    );
    expect(messageOf(() => gradcheck((x) => x!, [leaf()]))).toMatchInlineSnapshot(
      `"AutogradError: gradcheck: input 0 is float32; central differences need float64. Create it with { dtype: "float64", requiresGrad: true }."`,
    );
    expect(messageOf(() => gradcheck((x) => x!, [ones([2])]))).toMatchInlineSnapshot(
      `"AutogradError: gradcheck: no input requires gradients, so there is nothing to check. Create one with { dtype: "float64", requiresGrad: true }."`,
    );
  });
});

describe("state and memory", () => {
  it("assign", () => {
    const parameter = new Parameter(ones([2, 3]));
    expect(messageOf(() => parameter.assign(ones([3, 2])))).toMatchInlineSnapshot(
      `"ShapeError: assign: expected shape [2, 3], got [3, 2]."`,
    );
    expect(
      messageOf(() => parameter.assign(ones([2, 3], { dtype: "float64" }))),
    ).toMatchInlineSnapshot(
      `"DTypeError: assign: expected float32, got float64. Convert with to("float32")."`,
    );
  });

  it("reading what was freed", () => {
    const disposed = ones([2, 3]);
    disposed.dispose();
    expect(messageOf(() => disposed.dataSync())).toMatchInlineSnapshot(
      `"MemoryError: this tensor of shape [2, 3] was disposed of. Return it from the scope, or keep a copy with clone()."`,
    );
    let escaped: Tensor | undefined;
    scope(() => {
      escaped = ones([2]);
    });
    expect(messageOf(() => add(escaped!, 1))).toMatchInlineSnapshot(
      `"MemoryError: this tensor of shape [2] was disposed of. Return it from the scope, or keep a copy with clone()."`,
    );
  });

  it("reading what has no value", () => {
    expect(messageOf(() => ones([2], { device: "null" }).dataSync())).toMatchInlineSnapshot(
      `"MemoryError: null: this device computes shapes and dtypes only; it has no values to read. Move the computation to another device, for instance device("wasm")."`,
    );
  });
});

describe("modes", () => {
  const promise = async () => ones([1]);

  it("an async function", () => {
    expect(messageOf(() => scope(promise))).toMatchInlineSnapshot(
      `"FlambeauError: scope: the function returned a promise. scope takes a synchronous function; await before or after it, not inside."`,
    );
    expect(messageOf(() => noGrad(promise))).toMatchInlineSnapshot(
      `"FlambeauError: noGrad: the function returned a promise. noGrad takes a synchronous function; await before or after it, not inside."`,
    );
    expect(messageOf(() => enableGrad(promise))).toMatchInlineSnapshot(
      `"FlambeauError: enableGrad: the function returned a promise. enableGrad takes a synchronous function; await before or after it, not inside."`,
    );
    expect(messageOf(() => trace(promise)())).toMatchInlineSnapshot(
      `"FlambeauError: trace: the function returned a promise. trace takes a synchronous function; await before or after it, not inside."`,
    );
  });
});

describe("tracing", () => {
  it("reading a traced value", () => {
    const read = trace(function read(x: Tensor) {
      return mul(x, x.itemSync());
    });
    expect(messageOf(() => read(ones([1])))).toMatchInlineSnapshot(
      `"TraceError: a traced tensor of shape [1] has no value: it stands for one inside trace(…). Return it from the traced function, and read the result of the call."`,
    );
  });

  it("traces do not nest", () => {
    const inner = trace((x: Tensor) => mul(x, 2));
    const outer = trace((x: Tensor) => inner(x));
    expect(messageOf(() => outer(ones([1])))).toMatchInlineSnapshot(
      `"TraceError: trace: traces do not nest; call the plain function inside a traced one."`,
    );
  });

  it("nothing recorded yet", () => {
    const later = trace(function later(x: Tensor) {
      return x;
    });
    expect(messageOf(() => later.graph)).toMatchInlineSnapshot(
      `"TraceError: later: nothing is recorded yet; call it once."`,
    );
  });
});

describe("devices", () => {
  it("unknown", () => {
    expect(
      messageOf(() => device("gpu")).replace(/Available: .*/, "Available: …"),
    ).toMatchInlineSnapshot(`"FlambeauError: device "gpu" does not exist. Available: …"`);
  });

  it("mixed", () => {
    expect(messageOf(() => add(ones([2]), ones([2], { device: "null" })))).toMatchInlineSnapshot(
      `"FlambeauError: add: operands are on reference and null. Move one with t.to(device("reference"))."`,
    );
  });
});
