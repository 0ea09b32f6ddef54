// Golden modules: layers built as PyTorch's were, given its parameters, compared in outputs,
// gradients of inputs and parameters, and buffers afterwards.
import { type DType, type Tensor, autograd } from "@flambeau/core";
import { isDType } from "@flambeau/core/extension";
import * as nn from "@flambeau/nn";
import { tensorsIn } from "@flambeau/core/extension";
import { NotYet, PythonFloat } from "./golden-adapter.ts";
import type { Encoded, GoldenTensor, PlainRecord, TensorRecord } from "./golden-data.ts";
import { Decoder, type GoldenOutcome, Mismatch, compare, outcomeOf } from "./golden.ts";

type Records = { readonly [name: string]: TensorRecord | null };

export interface ModuleCase {
  readonly id: string;
  readonly module: string;
  /** Arguments of the constructor, by PyTorch's names. */
  readonly ctor: { readonly [name: string]: Encoded };
  readonly train: boolean;
  /** Its state dict, buffers included. */
  readonly params: { readonly [name: string]: TensorRecord };
  readonly args: readonly Encoded[];
  readonly kwargs: { readonly [name: string]: Encoded };
  readonly out: readonly (TensorRecord | PlainRecord)[];
  readonly grad_out: { readonly [position: string]: TensorRecord };
  readonly grad_in: Records;
  readonly grad_param: Records;
  readonly buffers_after?: { readonly [name: string]: TensorRecord };
  readonly xcheck?: boolean;
}

type Options = { readonly [name: string]: unknown };
type Build = (positional: readonly never[], options: Options) => nn.Module;

interface ModuleEntry {
  /** Which of PyTorch's arguments come first here; the others are options, in camelCase. */
  readonly names: readonly string[];
  readonly build: Build;
}

/** A layer: the arguments before its options, and its class. */
function layer(names: string, Layer: new (...inputs: never[]) => nn.Module): ModuleEntry {
  const Untyped = Layer as unknown as new (...inputs: unknown[]) => nn.Module;
  return {
    names: names.split(" "),
    build: (positional, options) => new Untyped(...positional, options),
  };
}

const table: { readonly [name: string]: ModuleEntry } = {
  Linear: layer("in_features out_features", nn.Linear),
  Conv1d: layer("in_channels out_channels kernel_size", nn.Conv1d),
  Conv2d: layer("in_channels out_channels kernel_size", nn.Conv2d),
  Conv3d: layer("in_channels out_channels kernel_size", nn.Conv3d),
  ConvTranspose2d: layer("in_channels out_channels kernel_size", nn.ConvTranspose2d),
  BatchNorm1d: layer("num_features", nn.BatchNorm1d),
  BatchNorm2d: layer("num_features", nn.BatchNorm2d),
  BatchNorm3d: layer("num_features", nn.BatchNorm3d),
  GroupNorm: layer("num_groups num_channels", nn.GroupNorm),
  InstanceNorm2d: layer("num_features", nn.InstanceNorm2d),
  LayerNorm: layer("normalized_shape", nn.LayerNorm),
  Bilinear: layer("in1_features in2_features out_features", nn.Bilinear),
  RNN: layer("input_size hidden_size", nn.RNN),
  LSTM: layer("input_size hidden_size", nn.LSTM),
  GRU: layer("input_size hidden_size", nn.GRU),
  RNNCell: layer("input_size hidden_size", nn.RNNCell),
  LSTMCell: layer("input_size hidden_size", nn.LSTMCell),
  GRUCell: layer("input_size hidden_size", nn.GRUCell),
  MultiheadAttention: layer("embed_dim num_heads", nn.MultiheadAttention),
  TransformerEncoderLayer: layer("d_model nhead", nn.TransformerEncoderLayer),
  TransformerDecoderLayer: layer("d_model nhead", nn.TransformerDecoderLayer),
  Transformer: { names: [], build: (_, options) => new nn.Transformer(options) },
};

/** Options of calls that have other names here. */
const renamed: { readonly [name: string]: string } = {
  attnMask: "mask",
  averageAttnWeights: "averageWeights",
};

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const plain = (value: unknown): unknown => (value instanceof PythonFloat ? value.value : value);

/** PyTorch's keyword arguments as options; `None` stands for itself where it means something. */
const optionsOf = (decoded: Options): Options =>
  Object.fromEntries(
    Object.entries(decoded).map(([name, value]) => [camelCase(name), plain(value) ?? null]),
  );

function build(one: ModuleCase, decoder: Decoder): nn.Module {
  const entry = Object.hasOwn(table, one.module) ? table[one.module] : undefined;
  if (entry === undefined) throw new NotYet(one.module);
  const { names } = entry;
  const decoded = decoder.decode(one.ctor, "ctor") as Options;
  const rest = Object.fromEntries(
    Object.entries(decoded).filter(([name]) => !names.includes(name)),
  );
  const positional = names.map((name) => plain(decoded[name])) as never[];
  const floats = Object.values(one.params).map(({ dtype }) => dtype);
  const dtype = floats.find((name): name is DType => isDType(name) && name.startsWith("float"));
  const built = entry.build(positional, { ...optionsOf(rest), ...(dtype && { dtype }) });
  const state = Object.entries(one.params).map(([name, record]) => [name, decoder.tensor(record)]);
  built.loadStateDict(Object.fromEntries(state) as { [name: string]: Tensor });
  return one.train ? built.train() : built.eval();
}

/** Runs one module case on the default device. */
export const runGoldenModule = (
  one: ModuleCase,
  tensors: ReadonlyMap<string, GoldenTensor>,
): GoldenOutcome =>
  outcomeOf(() => {
    const decoder = new Decoder(tensors);
    const module = build(one, decoder);
    const args = decoder.decode(one.args, "") as unknown[];
    const given = optionsOf(decoder.decode(one.kwargs, "") as Options);
    const kwargs = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [renamed[name] ?? name, value]),
    );
    const call = module as unknown as (...inputs: unknown[]) => unknown;
    const results = tensorsIn(call(...args, ...(Object.keys(kwargs).length > 0 ? [kwargs] : [])));
    const expected = one.out.filter((record): record is TensorRecord => "$t" in record);
    if (results.length !== expected.length) {
      throw new Mismatch(`${results.length} results, expected ${expected.length}`);
    }
    const exact = { allowNarrow: false, narrowed: false };
    expected.forEach((record, i) => compare(`result ${i}`, results[i], record, decoder, exact));
    compareGradients(one, module, results, decoder);
    const buffers = new Map(module.namedBuffers());
    for (const [name, record] of Object.entries(one.buffers_after ?? {})) {
      compare(`buffer ${name}`, buffers.get(name), record, decoder, exact);
    }
    return false;
  });

function compareGradients(
  one: ModuleCase,
  module: nn.Module,
  results: readonly Tensor[],
  decoder: Decoder,
): void {
  const parameters = new Map(module.namedParameters());
  const wanted: [string, Tensor, TensorRecord | null][] = [];
  decoder.tracked.forEach(({ path, tensor }) => {
    const name = path.replace(/^\./, "");
    wanted.push([`input ${name}`, tensor, one.grad_in[name] ?? null]);
  });
  for (const [name, record] of Object.entries(one.grad_param)) {
    const parameter = parameters.get(name);
    if (parameter === undefined) throw new Mismatch(`no parameter ${name}`);
    wanted.push([name, parameter, record]);
  }
  const grads = autograd.grad(
    Object.keys(one.grad_out).map((position) => results[Number(position)]!),
    wanted.map(([, tensor]) => tensor),
    {
      gradOutputs: Object.values(one.grad_out).map((record) => decoder.tensor(record)),
      allowUnused: true,
    },
  );
  wanted.forEach(([name, , record], i) => {
    if (record === null && grads[i] === undefined) return;
    if (record === null || grads[i] === undefined) throw new Mismatch(`gradient of ${name}: ${record === null ? "expected none" : "missing"}`); // prettier-ignore
    const exact = { allowNarrow: false, narrowed: false };
    compare(`gradient of ${name}`, grads[i], record, decoder, exact);
  });
}
