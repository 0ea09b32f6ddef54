// How a PyTorch call becomes a Flambeau call: arguments are bound by PyTorch's names. The table of
// functions is golden-adapter.ts.
import { isTensor, tensor } from "@flambeau/core";
import { isFloat } from "@flambeau/core/extension";

/** Thrown for what Flambeau does not have yet; counted apart from failures. */
export class NotYet extends Error {}

/** A float of Python, which promotes unlike an int even where it is integral. */
export class PythonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export interface Entry {
  /** PyTorch's argument names in order; the last may take the rest: `*sizes`. */
  readonly names: readonly string[];
  readonly call: (...inputs: never[]) => unknown;
  /** Results of int64 are positions, which are int32 here. */
  readonly indices: boolean;
  /** Numbers take part in type promotion. */
  readonly promotes: boolean;
}

type Call = (...inputs: never[]) => unknown;

const entry = (signature: string, call: Call, traits: Partial<Entry> = {}): Entry => ({
  names: signature.split(" "),
  call,
  indices: false,
  promotes: false,
  ...traits,
});

/** A function: PyTorch's argument names in order, and the call that they become. */
export const fn = (signature: string, call: Call): Entry => entry(signature, call);

/** As `fn`, where results of int64 are positions. */
export const indexFn = (signature: string, call: Call): Entry =>
  entry(signature, call, { indices: true });

/** A function of one tensor. */
export const one = (call: Call): Entry => entry("input", call);

/** An elementwise function of two operands, whose numbers promote as Python's do. */
export const two = (call: Call): Entry => entry("input other", call, { promotes: true });

/** The arguments of an entry's call. */
export function bind(
  name: string,
  { names, promotes }: Entry,
  args: readonly unknown[],
  kwargs: { readonly [name: string]: unknown },
): unknown[] {
  const bound = new Array<unknown>(names.length).fill(undefined);
  const rest = names.at(-1)!.startsWith("*") ? names.length - 1 : Infinity;
  args.forEach((value, position) => {
    if (position < Math.min(rest, names.length)) bound[position] = value;
    else if (position >= rest) {
      const list = ((bound[rest] as unknown[] | undefined) ??= []);
      list.push(value);
    } else throw new NotYet(`${name} with ${args.length} arguments`);
  });
  // `x.expand(2, 3)` and `x.expand([2, 3])` are the same call.
  const gathered = bound[rest] as unknown[] | undefined;
  if (gathered?.length === 1 && Array.isArray(gathered[0])) bound[rest] = gathered[0];
  for (const [key, value] of Object.entries(kwargs)) {
    const position = names.indexOf(key);
    if (position >= 0) bound[position] = value;
    else if (value !== undefined) throw new NotYet(`${name}(${key})`);
  }
  const hasFloats = bound.some((value) => isTensor(value) && isFloat(value.dtype));
  return bound.map((value) => unwrap(value, promotes && !hasFloats));
}

/** Floats as numbers; where an integral one would count as an int, as a 0-d tensor. */
function unwrap(value: unknown, keepFloat: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => unwrap(item, keepFloat));
  if (!(value instanceof PythonFloat)) return value;
  return keepFloat && Number.isInteger(value.value) ? tensor(value.value) : value.value;
}
