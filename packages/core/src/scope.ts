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

/** Finds the tensors inside a result: arrays and plain objects are walked. */
function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value !== "object" || value === null) return;
  if (into.has(value)) return;
  into.add(value);
  if (Array.isArray(value)) for (const item of value) collect(item, into);
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) collect(item, into);
  }
}

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
export function scope<T>(body: () => T): T {
  const outer = open;
  const inner: Disposable[] = [];
  open = inner;
  let kept: Set<unknown> | undefined;
  try {
    const result = requireSynchronous("scope", body());
    kept = new Set();
    collect(result, kept);
    return result;
  } finally {
    open = outer;
    for (const item of inner) {
      if (kept?.has(item)) outer?.push(item);
      else item.dispose();
    }
  }
}
