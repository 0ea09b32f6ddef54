// Scopes: every tensor made while one is open is freed when it closes, unless it is returned. Ops
// that are made of other ops open one, so their intermediates never wait for a collector.
import { FlambeauError } from "./errors.ts";

export interface Disposable {
  dispose(): void;
}

let open: Disposable[] | undefined;

/** Notes a new tensor in the innermost open scope. */
export function register(item: Disposable): void {
  if (open !== undefined) open.push(item);
}

/** Notes new tensors in `list` from now on; returns where they went before. For backward walks. @internal */
export function exchangeScope(list: Disposable[] | undefined): Disposable[] | undefined {
  const before = open;
  open = list;
  return before;
}

/** Finds the tensors inside a result: arrays and plain objects are walked. */
function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value !== "object" || value === null) return;
  if (into.has(value)) return;
  into.add(value);
  if (!isContainer(value)) return;
  for (const item of Object.values(value)) collect(item, into);
}

/** Arrays and plain objects. */
const isContainer = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);

/** Modes take synchronous functions: after an `await` the mode would cover someone else's code. */
export function requireSynchronous<T>(mode: string, result: T): T {
  if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
    (result as unknown as Promise<unknown>).then(undefined, () => {});
    throw new FlambeauError(
      `${mode}: the function returned a promise. ${mode} takes a synchronous function; await before ` +
        `or after it, not inside.`,
    );
  }
  return result;
}

/**
 * Runs `body` and frees every tensor made inside, except those it returns (alone, in arrays or in
 * plain objects) and those that variables, gradients or the tape hold.
 */
export const scope = <T>(body: () => T): T => callInScope(body, []);

/** `scope(() => body(...inputs))`, for composites: their calls are many and small. @internal */
export function callInScope<I extends readonly unknown[], T>(
  body: (...inputs: I) => T,
  inputs: I,
): T {
  const outer = open;
  const inner: Disposable[] = [];
  open = inner;
  let isDone = false;
  try {
    const result = requireSynchronous("scope", body(...inputs));
    isDone = true;
    open = outer;
    close(inner, outer, result);
    return result;
  } finally {
    if (!isDone) {
      open = outer;
      for (const item of inner) item.dispose();
    }
  }
}

function close(
  inner: readonly Disposable[],
  outer: Disposable[] | undefined,
  result: unknown,
): void {
  // Most results are one tensor, which needs no set to be told from the others.
  let others: Set<unknown> | undefined;
  if (isContainer(result)) collect(result, (others = new Set()));
  for (const item of inner) {
    if (item !== result && !others?.has(item)) item.dispose();
    else if (outer !== undefined) outer.push(item);
  }
}
