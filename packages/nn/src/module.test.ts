// What every module can do: calls, names, state, hooks, printing.
import { Parameter, type Tensor, Variable, noGrad, tensor, trace, zeros } from "@flambeau/core";
import { describe, expect, test } from "vitest";
import { Buffer, Linear, Module, ModuleDict, ModuleList, ReLU, Sequential } from "./index.ts";

class Block extends Module {
  readonly weight = new Parameter(tensor([1, 2]));
  readonly runningMean = new Variable(zeros([2]));
  readonly cache = new Buffer(zeros([3]), { persistent: false });

  forward(x: Tensor): Tensor {
    return x.mul(this.weight);
  }
}

class Net extends Module {
  readonly #note = "private fields are fine";
  readonly first = new Linear(2, 2);
  readonly layers = [new Block(), new Block()];
  readonly heads = { left: new Linear(2, 1), right: new Linear(2, 1, { bias: false }) };
  readonly scale = new Parameter(tensor([1]));
  override name = "net";

  forward(x: Tensor, isLeft = true): Tensor {
    let y = this.first(x);
    for (const layer of this.layers) y = layer(y);
    return (isLeft ? this.heads.left : this.heads.right)(y).mul(this.scale);
  }

  note(): string {
    return this.#note;
  }
}

test("a module is a function of the types of its forward", () => {
  const net = new Net();
  const x = tensor([[1, 2]]);
  const y: Tensor = net(x);
  expect(y.shape).toEqual([1, 1]);
  expect(net(x, false).toArray()).toEqual(net.forward(x, false).toArray());
  expect(net).toBeInstanceOf(Net);
  expect(net).toBeInstanceOf(Module);
  expect([typeof net, net.name, net.note()]).toEqual([
    "function",
    "net",
    "private fields are fine",
  ]);
  // @ts-expect-error forward takes a tensor
  expect(() => net("x")).toThrow();
  // @ts-expect-error the second argument is a boolean
  const wrong = (): unknown => net(x, 1);
  // @ts-expect-error one tensor comes back
  const pair = (): [Tensor, Tensor] => net(x);
  expect([typeof wrong, typeof pair]).toEqual(["function", "function"]);
});

test("Sequential takes modules from one tensor to one tensor", () => {
  class Pair extends Module {
    forward(x: Tensor): [Tensor, Tensor] {
      return [x, x];
    }
  }
  expect(new Sequential(new Net(), new ReLU())(tensor([[1, 2]])).shape).toEqual([1, 1]);
  // @ts-expect-error Pair gives two tensors
  expect(new Sequential(new Pair())).toHaveLength(1);
});

test("fields, arrays and plain objects are walked, in PyTorch's order", () => {
  const net = new Net();
  expect(net.namedParameters().map(([name]) => name)).toEqual([
    "scale",
    "first.weight",
    "first.bias",
    "layers.0.weight",
    "layers.1.weight",
    "heads.left.weight",
    "heads.left.bias",
    "heads.right.weight",
  ]);
  expect(net.namedBuffers().map(([name]) => name)).toEqual([
    "layers.0.running_mean",
    "layers.0.cache",
    "layers.1.running_mean",
    "layers.1.cache",
  ]);
  expect(net.namedModules().map(([name, module]) => `${name}:${module.constructor.name}`)).toEqual([
    ":Net",
    "first:Linear",
    "layers.0:Block",
    "layers.1:Block",
    "heads.left:Linear",
    "heads.right:Linear",
  ]);
  expect(net.children()).toHaveLength(5);
});

test("tied parameters count once, but are saved under both names", () => {
  class Tied extends Module {
    readonly encoder = new Linear(2, 3, { bias: false });
    readonly decoder = { weight: this.encoder.weight };
    forward(x: Tensor): Tensor {
      return this.encoder(x).matmul(this.decoder.weight);
    }
  }
  const tied = new Tied();
  expect(tied.parameters()).toHaveLength(1);
  expect(Object.keys(tied.stateDict())).toEqual(["encoder.weight", "decoder.weight"]);
  tied.to("float64");
  expect(tied.parameters()).toHaveLength(1);
  expect(tied.decoder.weight).toBe(tied.encoder.weight);
  expect(tied(zeros([1, 2], { dtype: "float64" })).dtype).toBe("float64");
});

describe("parameters that the walk cannot see are errors", () => {
  test("in a private field", () => {
    class Hidden extends Module {
      readonly #weight = new Parameter(zeros([2, 3]));
      forward(x: Tensor): Tensor {
        return x.matmul(this.#weight);
      }
    }
    expect(() => new Hidden()(zeros([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: Hidden: forward uses a Parameter of shape [2, 3] that is in none of its fields, so optimizers and checkpoints would miss it. Keep it in a plain field, an array or a plain object: private fields (#weight), Maps, Sets and variables outside the class are not walked.]`,
    );
    // Without gradients nothing can go wrong.
    expect(noGrad(() => new Hidden()(zeros([1, 2]))).shape).toEqual([1, 3]);
  });

  test("in a private module", () => {
    class Hidden extends Module {
      readonly #layer = new Linear(2, 3);
      readonly visible = new Linear(3, 3);
      forward(x: Tensor): Tensor {
        return this.visible(this.#layer(x));
      }
    }
    expect(() => new Hidden()(zeros([1, 2]))).toThrow(/Hidden: forward uses a Parameter/);
    expect(() => new Sequential(new Hidden())(zeros([1, 2]))).toThrow(/Sequential: forward uses/);
  });

  test("in a Map", () => {
    class Mapped extends Module {
      readonly layers = new Map([["a", new Linear(1, 1)]]);
      forward(x: Tensor): Tensor {
        return this.layers.get("a")!(x);
      }
    }
    expect(() => new Mapped().parameters()).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: Mapped.layers: a Map holds Parameters or Modules, which only fields, arrays and plain objects may hold. Use an array or a plain object.]`,
    );
  });

  test("but those of other models, and of inputs, are theirs", () => {
    const generator = new Linear(2, 2);
    const critic = new Linear(2, 1);
    expect(critic(generator(zeros([1, 2]))).shape).toEqual([1, 1]);
    const shared = new Linear(2, 2);
    shared.parameters();
    class Borrower extends Module {
      forward(x: Tensor): Tensor {
        return shared(x);
      }
    }
    expect(new Borrower()(zeros([1, 2])).shape).toEqual([1, 2]);
  });
});

describe("state dicts", () => {
  test("hold snapshots under PyTorch's names", () => {
    const net = new Net();
    const state = net.stateDict();
    expect(Object.keys(state)).toContain("layers.0.running_mean");
    expect(Object.keys(state)).not.toContain("layers.0.cache");
    const before = state["scale"]!.toArray();
    net.scale.assign(5);
    expect(state["scale"]!.toArray()).toEqual(before);
  });

  test("load into another model, whatever their dtype", () => {
    const [from, to] = [new Net().to("float64"), new Net()];
    expect(to.loadStateDict(from.stateDict())).toEqual({ missing: [], unexpected: [] });
    const x = tensor([[0.5, -1]]);
    const wide = from(x.to("float64")).to("float32");
    expect((to(x).toArray() as number[][])[0]![0]).toBeCloseTo(
      (wide.toArray() as number[][])[0]![0]!,
      5,
    );
  });

  test("that do not fit are refused with every name", () => {
    const net = new Sequential(new Linear(2, 3), new ReLU(), new Linear(3, 1));
    const { "0.bias": _, ...rest } = net.stateDict();
    const state = { ...rest, "2.weight": zeros([1, 4]), "3.weight": zeros([1]) };
    expect(() => net.loadStateDict(state)).toThrowErrorMatchingInlineSnapshot(`
      [FlambeauError: loadStateDict: the state does not fit Sequential.
        missing: 0.bias
        unexpected: 3.weight
        2.weight: expected [1, 3], got [1, 4]
      Check the sizes the module was made with.]
    `);
    const { "2.weight": __, ...lenient } = state;
    expect(() => net.loadStateDict(lenient)).toThrowErrorMatchingInlineSnapshot(`
      [FlambeauError: loadStateDict: the state does not fit Sequential.
        missing: 0.bias, 2.weight
        unexpected: 3.weight
      Check the field names, or pass { strict: false } to load what fits.]
    `);
    expect(net.loadStateDict(lenient, { strict: false })).toEqual({
      missing: ["0.bias", "2.weight"],
      unexpected: ["3.weight"],
    });
  });

  test("refuse two fields of one name", () => {
    class Twice extends Module {
      readonly outputBias = new Parameter(zeros([1]));
      readonly output_bias = new Parameter(zeros([1]));
      forward(): Tensor {
        return this.outputBias;
      }
    }
    expect(() => new Twice().stateDict()).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: Twice: two fields are named output_bias in the state dict. Rename one.]`,
    );
  });
});

test("train, eval, freeze, zeroGrad", () => {
  const net = new Net();
  expect(
    net
      .eval()
      .modules()
      .some(({ training }) => training),
  ).toBe(false);
  net.layers[0]!.train();
  expect(net.modules().filter(({ training }) => training)).toEqual([net.layers[0]]);
  net(tensor([[1, 2]]))
    .sum()
    .backward();
  expect(net.first.weight.grad).toBeDefined();
  net.zeroGrad();
  expect(net.first.weight.grad).toBeUndefined();
  net.freeze();
  expect(net(tensor([[1, 2]])).requiresGrad).toBe(false);
  expect(net.unfreeze()(tensor([[1, 2]])).requiresGrad).toBe(true);
});

test("a traced call is recorded again when training changes", () => {
  class Switch extends Module {
    forward(x: Tensor): Tensor {
      return this.training ? x.mul(2) : x;
    }
  }
  const model = new Switch();
  const run = trace((x: Tensor) => model(x));
  const x = tensor([1]);
  expect(run(x).toArray()).toEqual([2]);
  model.eval();
  expect(run(x).toArray()).toEqual([1]);
  model.train();
  expect(run(x).toArray()).toEqual([2]);
  expect(run.graphs).toHaveLength(2);
});

describe("hooks", () => {
  test("see and change inputs and outputs, until removed", () => {
    const layer = new Block();
    const seen: unknown[] = [];
    const before = layer.registerForwardPreHook((module, [x]) => {
      seen.push(module);
      return [(x as Tensor).add(1)];
    });
    const after = layer.registerForwardHook((_, inputs, output) => {
      seen.push((inputs[0] as Tensor).toArray());
      return (output as Tensor).mul(10);
    });
    expect(layer(tensor([1, 1])).toArray()).toEqual([20, 40]);
    expect(seen).toEqual([layer, [2, 2]]);
    after.remove();
    expect(layer(tensor([1, 1])).toArray()).toEqual([2, 4]);
    before.remove();
    expect(layer(tensor([1, 1])).toArray()).toEqual([1, 2]);
  });

  test("on the way back see this use's gradients and may replace them", () => {
    const layer = new Block();
    const x = tensor([3, 4], { requiresGrad: true });
    const seen: unknown[] = [];
    const handle = layer.registerFullBackwardHook((_, [gradInput], [gradOutput]) => {
      seen.push(gradInput!.toArray(), gradOutput!.toArray());
      return [gradInput!.mul(100)];
    });
    layer(x).add(x).sum().backward();
    expect(seen).toEqual([
      [1, 2],
      [1, 1],
    ]);
    expect(x.grad!.toArray()).toEqual([101, 201]);
    handle.remove();
    x.grad = undefined;
    layer(x).sum().backward();
    expect(x.grad!.toArray()).toEqual([1, 2]);
  });

  test("on the way back also where no input needs a gradient", () => {
    const layer = new Block();
    const seen: unknown[] = [];
    layer.registerFullBackwardHook((_, gradInputs, [gradOutput]) => {
      seen.push(gradInputs, gradOutput!.toArray());
    });
    layer(tensor([3, 4]))
      .sum()
      .backward();
    expect(seen).toEqual([[undefined], [1, 1]]);
    expect(layer.weight.grad!.toArray()).toEqual([3, 4]);
  });
});

describe("containers", () => {
  test("Sequential is iterable, indexed, and named by position", () => {
    const model = new Sequential(new Linear(2, 3), new ReLU());
    expect([model.length, model[1]!.constructor.name, [...model].length]).toEqual([2, "ReLU", 2]);
    expect(Object.keys(model.stateDict())).toEqual(["0.weight", "0.bias"]);
  });

  test("ModuleList and ModuleDict hold modules", () => {
    const list = new ModuleList([new Linear(1, 2)]).push(new Linear(2, 1));
    const dict = new ModuleDict({ forward: new Linear(1, 1) });
    expect(Object.keys(list.stateDict())).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
    expect(Object.keys(dict.stateDict())).toEqual(["forward.weight", "forward.bias"]);
    expect(dict.get("forward")(zeros([1, 1])).shape).toEqual([1, 1]);
    expect(() => dict.get("backward")).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: ModuleDict: no module "backward". It has forward.]`,
    );
    expect(() => list()).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: ModuleList: it only holds modules and has no forward of its own. Call the modules in it, or use Sequential.]`,
    );
  });
});

test("prints nested, as PyTorch does", () => {
  const model = new Sequential(
    new Linear(2, 3),
    new ReLU(),
    new Sequential(new Linear(3, 1, { bias: false })),
  );
  expect(String(model)).toMatchInlineSnapshot(`
    "Sequential(
      (0): Linear(inFeatures=2, outFeatures=3, bias=true)
      (1): ReLU()
      (2): Sequential(
        (0): Linear(inFeatures=3, outFeatures=1, bias=false)
      )
    )"
  `);
  expect(String(new Net())).toMatchInlineSnapshot(`
    "Net(
      (first): Linear(inFeatures=2, outFeatures=2, bias=true)
      (layers.0): Block()
      (layers.1): Block()
      (heads.left): Linear(inFeatures=2, outFeatures=1, bias=true)
      (heads.right): Linear(inFeatures=2, outFeatures=1, bias=false)
    )"
  `);
});
