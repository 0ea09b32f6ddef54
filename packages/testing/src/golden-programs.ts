// Golden programs: several steps with backward passes between them. In-place steps have no
// counterpart: tensors are immutable.
import { type Tensor, autograd, isTensor } from "@flambeau/core";
import { FlambeauError } from "@flambeau/core/extension";
import { modes } from "@flambeau/core/extension";
import { trackGradient } from "@flambeau/core/extension";
import { NotYet, PythonFloat, callTorch } from "./golden-adapter.ts";
import type { Encoded, GoldenTensor, PlainRecord, TensorRecord } from "./golden-data.ts";
import { Decoder, type GoldenOutcome, Mismatch, compare, outcomeOf } from "./golden.ts";

interface Step {
  readonly op: string;
  readonly args: readonly Encoded[];
  readonly kwargs: { readonly [name: string]: Encoded };
  /** Where the result goes; several for a list. */
  readonly out: string | readonly string[] | null;
}

export interface ProgramCase {
  readonly id: string;
  readonly inputs: { readonly [name: string]: TensorRecord };
  readonly steps: readonly Step[];
  readonly expect?: { readonly [name: string]: (TensorRecord & { requires_grad?: boolean }) | PlainRecord }; // prettier-ignore
  /** The step that must throw; nothing is expected after it. */
  readonly throws_at_step?: number;
  readonly xcheck?: boolean;
}

type Arguments = { readonly [name: string]: unknown };
type Special = (args: never, kwargs: Arguments) => unknown;

const flag = (value: unknown): boolean | undefined => value as boolean | undefined;

/** Steps that are not calls of functions. */
const specials: { readonly [name: string]: Special } = {
  backward: ([x, gradient]: Tensor[], { retain_graph, create_graph }) =>
    x!.backward({ gradient, retainGraph: flag(retain_graph), createGraph: flag(create_graph) }),
  grad_of: ([x]: Tensor[]) => x!.grad,
  "autograd.grad": (
    [outputs, inputs, gradOutputs]: Tensor[][],
    { allow_unused, create_graph, retain_graph },
  ) =>
    autograd.grad(outputs!, inputs!, {
      ...(gradOutputs && { gradOutputs }),
      allowUnused: flag(allow_unused),
      createGraph: flag(create_graph),
      retainGraph: flag(retain_graph),
    }),
  // PyTorch switches a flag; here the mode takes a function.
  no_grad_on: () => void (modes.gradient = false),
  no_grad_off: () => void (modes.gradient = true),
  requires_grad: ([x]: Tensor[]) => x!.requiresGrad,
  is_leaf: ([x]: Tensor[]) => x!.isLeaf,
  shares_storage: ([x, y]: Tensor[]) => x!.storage === y!.storage,
  set_requires_grad: ([x, wanted]: [Tensor, boolean]) => {
    if (!wanted) throw new NotYet("requires_grad_(False)");
    trackGradient(x);
  },
};

function runStep({ op, args, kwargs }: Step, decoder: Decoder): unknown {
  if (op === "setitem" || op.endsWith("_") || kwargs["inplace"] === true) {
    throw new NotYet("in-place steps: tensors are immutable");
  }
  const decoded = (decoder.decode(args, "") as unknown[]).map(plain);
  const named = decoder.decode(kwargs, "") as Arguments;
  const special = Object.hasOwn(specials, op) ? specials[op] : undefined;
  if (special !== undefined) return special(decoded as never, named);
  if (op === "retain_grad") throw new NotYet(op);
  return callTorch(op, decoded, named).result;
}

const plain = (value: unknown): unknown => (value instanceof PythonFloat ? value.value : value);

/** Runs one program on the default device. */
export function runGoldenProgram(
  one: ProgramCase,
  tensors: ReadonlyMap<string, GoldenTensor>,
): GoldenOutcome {
  const decoder = new Decoder(tensors);
  return outcomeOf(() => {
    try {
      for (const [name, record] of Object.entries(one.inputs)) {
        decoder.variables.set(name, decoder.decode(record, name));
      }
      const threw = one.steps.findIndex((step, at) => {
        if (at !== one.throws_at_step) return void store(step, runStep(step, decoder), decoder);
        return refuses(() => runStep(step, decoder), step.op);
      });
      if (threw < 0) compareAll(one, decoder);
      return false;
    } finally {
      modes.gradient = true;
    }
  });
}

function store({ out }: Step, result: unknown, { variables }: Decoder): void {
  if (typeof out === "string") variables.set(out, result);
  else out?.forEach((name, i) => variables.set(name, (result as unknown[])[i]));
}

/** True where `body` throws as it should. */
function refuses(body: () => unknown, name: string): true {
  try {
    body();
  } catch (error) {
    if (error instanceof FlambeauError) return true;
    throw error;
  }
  throw new Mismatch(`${name} did not throw`);
}

function compareAll(one: ProgramCase, decoder: Decoder): void {
  for (const [name, record] of Object.entries(one.expect ?? {})) {
    const actual = decoder.variables.get(name);
    compare(name, actual, record, decoder, { allowNarrow: false, narrowed: false });
    if (!isTensor(actual) || !("$t" in record) || record.requires_grad === undefined) continue;
    if (actual.requiresGrad === record.requires_grad) continue;
    throw new Mismatch(`${name}: requiresGrad is ${actual.requiresGrad}`);
  }
}
