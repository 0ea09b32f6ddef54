// Contract kernels as core makes them, for the tests and benchmarks of this folder.
import type { ContractKernel, Guard } from "@flambeau/core/extension";
import { leaf } from "@flambeau/core/extension";
import { compileContract, type ContractEnvironment } from "./contract.ts";
import { createPool } from "./threads.ts";

const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));

export interface Example {
  readonly kernel: ContractKernel;
  /** Elements of a, b and the output. */
  readonly sizes: readonly [number, number, number];
  readonly flops: number;
}

const sumOf = leaf("state", 0, "float32");

/** `[batch, m, k] · [batch, k, n]`; transposed factors are stored the other way round. */
export function matmulExample(
  m: number,
  n: number,
  k: number,
  { batch = 1, transposeA = false, transposeB = false, broadcastB = false } = {},
): Example {
  // prettier-ignore
  const a = transposeA ? [m * k, 1, 0, m] : [m * k, k, 0, 1];
  const b = transposeB ? [n * k, 0, k, 1] : [n * k, 0, 1, n];
  if (broadcastB) b[0] = 0;
  return {
    kernel: {
      kind: "contract",
      axes: [batch, m, n, k],
      groups: { batch: 1, m: 1, n: 1, k: 1 },
      accumulator: "float32",
      params: [],
      loads: [
        { operand: 0, dtype: "float32", offset: 0, strides: a },
        { operand: 1, dtype: "float32", offset: 0, strides: b },
      ],
      stores: [
        { operand: 0, dtype: "float32", offset: 0, strides: [m * n, n, 1, 0], value: sumOf },
      ],
    },
    sizes: [batch * m * k, broadcastB ? n * k : batch * n * k, batch * m * n],
    flops: 2 * batch * m * n * k,
  };
}

export interface ConvolutionSizes {
  readonly images: number;
  readonly channels: number;
  readonly features: number;
  readonly height: number;
  readonly width: number;
  readonly window: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

export type Direction = "forward" | "input" | "weight";

/** A two-dimensional convolution or one of its gradients. */
export function convolutionExample(sizes: ConvolutionSizes, direction: Direction): Example {
  const { images, channels, features, height, width, window } = sizes;
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = sizes;
  const outOf = (length: number): number =>
    Math.floor((length + 2 * padding - dilation * (window - 1) - 1) / stride) + 1;
  const [oh, ow] = [outOf(height), outOf(width)];
  const [c, o] = [channels / groups, features / groups];
  const x = rowMajor([images, groups, c, height, width]);
  const w = rowMajor([groups, o, c, window, window]);
  const y = rowMajor([images, groups, o, oh, ow]);
  const guards = (lists: readonly (readonly number[])[], size: readonly number[], strides: readonly number[], divisor: number, base: number): Guard[] =>
    lists.map((coefficients, i) => ({ base, coefficients, divisor, size: size[i]!, stride: strides[i]! })); // prettier-ignore
  const common = { kind: "contract", accumulator: "float32", params: [] } as const;
  const load = (operand: number, strides: number[], g?: Guard[]) => ({
    operand, dtype: "float32" as const, offset: 0, strides, ...(g && { guards: g }),
  }); // prettier-ignore
  const store = (strides: number[]) => [
    { operand: 0, dtype: "float32" as const, offset: 0, strides, value: sumOf },
  ];
  const elements = { x: images * channels * height * width, w: features * c * window * window, y: images * features * oh * ow }; // prettier-ignore
  const flops = 2 * elements.y * c * window * window;
  if (direction === "forward") {
    // groups | o | image oh ow | c kh kw
    return {
      kernel: {
        ...common,
        axes: [groups, o, images, oh, ow, c, window, window],
        groups: { batch: 1, m: 1, n: 3, k: 3 },
        loads: [
          load(0, [w[0]!, w[1]!, 0, 0, 0, w[2]!, w[3]!, w[4]!]),
          load(
            1,
            [x[1]!, 0, x[0]!, 0, 0, x[2]!, 0, 0],
            guards([[0, 0, 0, stride, 0, 0, dilation, 0], [0, 0, 0, 0, stride, 0, 0, dilation]], [height, width], [x[3]!, x[4]!], 1, -padding), // prettier-ignore
          ),
        ],
        stores: store([y[1]!, y[2]!, y[0]!, y[3]!, y[4]!, 0, 0, 0]),
      },
      sizes: [elements.w, elements.x, elements.y],
      flops,
    };
  }
  if (direction === "weight") {
    // groups | o | c kh kw | image oh ow
    return {
      kernel: {
        ...common,
        axes: [groups, o, c, window, window, images, oh, ow],
        groups: { batch: 1, m: 1, n: 3, k: 3 },
        loads: [
          load(0, [y[1]!, y[2]!, 0, 0, 0, y[0]!, y[3]!, y[4]!]),
          load(
            1,
            [x[1]!, 0, x[2]!, 0, 0, x[0]!, 0, 0],
            guards([[0, 0, 0, dilation, 0, 0, stride, 0], [0, 0, 0, 0, dilation, 0, 0, stride]], [height, width], [x[3]!, x[4]!], 1, -padding), // prettier-ignore
          ),
        ],
        stores: store([w[0]!, w[1]!, w[2]!, w[3]!, w[4]!, 0, 0, 0]),
      },
      sizes: [elements.y, elements.x, elements.w],
      flops,
    };
  }
  // groups | c | image ih iw | o kh kw
  return {
    kernel: {
      ...common,
      axes: [groups, c, images, height, width, o, window, window],
      groups: { batch: 1, m: 1, n: 3, k: 3 },
      loads: [
        load(0, [w[0]!, w[2]!, 0, 0, 0, w[1]!, w[3]!, w[4]!]),
        load(
          1,
          [y[1]!, 0, y[0]!, 0, 0, y[2]!, 0, 0],
          guards([[0, 0, 0, 1, 0, 0, -dilation, 0], [0, 0, 0, 0, 1, 0, 0, -dilation]], [oh, ow], [y[3]!, y[4]!], stride, padding), // prettier-ignore
        ),
      ],
      stores: store([x[1]!, x[2]!, x[0]!, x[3]!, x[4]!, 0, 0, 0]),
    },
    sizes: [elements.w, elements.y, elements.x],
    flops,
  };
}

/** Memory with nothing but an allocator that rises like a stack, a pool and the calls that tests need. */
export function createWorkbench(threads: number, { relaxed = false, megabytes = 256 } = {}) {
  const memory = new WebAssembly.Memory({ initial: megabytes * 16, maximum: 65536, shared: true });
  let top = 1024;
  let newest = 0;
  const allocate = (bytes: number): number => {
    const address = top;
    newest = address;
    top += Math.ceil((bytes + 16) / 64) * 64;
    if (top > megabytes * 2 ** 20) throw new Error("workbench: out of memory.");
    return address;
  };
  const pool = createPool({ threads, memory, allocate });
  const environment: ContractEnvironment = {
    pool,
    relaxed,
    allocate,
    // What was allocated last can be given back: parts of sums, at each call.
    free: (address) => {
      if (address === newest) top = address;
    },
    modules: new Map(),
  };
  const floats = (address: number, length: number) =>
    new Float32Array(memory.buffer, address, length);
  return {
    pool,
    environment,
    allocate,
    floats,
    /** Binds an example to fresh operands filled by `fill`. */
    prepare({ kernel, sizes }: Example, fill: (i: number) => number = Math.sin) {
      const [a, b, c] = sizes.map((size) => allocate(size * 4)) as [number, number, number];
      [a, b].forEach((address, i) => {
        const view = floats(address, sizes[i]!);
        for (let at = 0; at < view.length; at++) view[at] = fill(at + i * 0.37);
      });
      const run = compileContract(kernel, environment);
      if (run === undefined) return undefined;
      const operand = (handle: number) => ({ handle, offset: 0 });
      const [inputs, outputs] = [[operand(a), operand(b)], [operand(c)]];
      return {
        run: () => run(inputs, outputs, []),
        a: floats(a, sizes[0]),
        b: floats(b, sizes[1]),
        result: floats(c, sizes[2]),
      };
    },
  };
}
