// What the contest measures, by name. A case is a line of words that every peer understands.
import { modelNames } from "./models.ts";

const squares = [64, 128, 256, 512, 1024, 2048].map((n) => [n, n, n] as const);
/** [m, k, n] of products. */
const products = [...squares, [64, 784, 512], [1, 768, 3072], [512, 768, 3072]] as const;

/** ResNet-18's layers on 32×32 images, batch 32: channels, features, size, window, stride, padding. */
const layers = [
  [3, 64, 32, 3, 1, 1],
  [64, 64, 32, 3, 1, 1],
  [64, 128, 32, 3, 2, 1],
  [64, 128, 32, 1, 2, 0],
  [128, 128, 16, 3, 1, 1],
  [128, 256, 16, 3, 2, 1],
  [256, 256, 8, 3, 1, 1],
  [256, 512, 8, 3, 2, 1],
  [512, 512, 4, 3, 1, 1],
] as const;

const sizes = [[64, 1024], [512, 1024], [1024, 4096], [4096, 4096]] as const; // prettier-ignore

export interface Suite {
  readonly title: string;
  readonly cases: readonly string[];
  /** Floating-point operations of a case, for GFLOP/s. */
  readonly flops?: (words: readonly string[]) => number;
  /** Bytes that a case must read and write, for GB/s. */
  readonly bytes?: (words: readonly string[]) => number;
  /** Samples per second are shown instead of times. */
  readonly samples?: (words: readonly string[]) => number;
}

export const suites: Record<string, Suite> = {
  gemm: {
    title: "float32 matrix products, [m × k × n]",
    cases: [
      ...products.map((shape) => `gemm ${shape.join(" ")} NN`),
      "gemm 512 3072 768 NT",
      "gemm 768 512 3072 TN",
    ],
    flops: ([, m, k, n]) => 2 * Number(m) * Number(k) * Number(n),
  },
  conv: {
    title: "convolutions of ResNet-18 on 32×32 images, batch 32 [channels features size window stride padding]",
    cases: layers.flatMap((layer) =>
      ["forward", "input", "weight"].map((direction) => `conv ${layer.join(" ")} ${direction}`),
    ),
    flops: ([, channels, features, size, window, stride]) => {
      const places = (Number(size) / Number(stride)) ** 2;
      return 2 * 32 * Number(channels) * Number(features) * places * Number(window) ** 2;
    },
  },
  rows: {
    title: "row operations, [rows × columns]; copy is one tensor to another",
    cases: sizes.flatMap((size) =>
      ["copy", "gelu", "softmax", "layernorm", "crossentropy"].map((name) => `rows ${name} ${size.join(" ")}`),
    ),
    bytes: ([, name, rows, columns]) =>
      Number(rows) * Number(columns) * 4 * (name === "crossentropy" ? 1 : 2),
  },
  overhead: {
    title: "one eager op on 16 elements",
    cases: ["op add", "op mul", "op backward"],
  },
  train: {
    title: "training steps",
    cases: modelNames.map((name) => `train ${name}`),
    samples: (words) =>
      ({ mlp: words[2] === "tiny" ? 32 : Number(words[2]), cnn: 64, resnet18: 32, gpt: 8, lstm: 32 })[words[1]!]!,
  },
}; // prettier-ignore
