// How the state of a module is found: its own fields, and arrays and plain objects in them.
import { FlambeauError, Parameter, Variable } from "@flambeau/core";
import { Callable } from "./callable.ts";
import type { Module } from "./module.ts";
import { stateName } from "./state-names.ts";

/** A module may name another object whose fields are walked in place of its own. */
export const walked = Symbol("walked");

/** A place that holds a variable or a module. */
export interface Slot<T = Variable | Module> {
  /** Field names from the module down, array positions included. */
  readonly path: readonly string[];
  readonly value: T;
  /** Puts something else there. */
  replace(value: T): void;
}

export const isModule = (value: unknown): value is Module => value instanceof Callable;

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const isState = (value: unknown): boolean => value instanceof Variable || isModule(value);

/** Parameters that some module's walk has reached. */
const reached = new WeakSet<Parameter>();
export const isReached = (parameter: Parameter): boolean => reached.has(parameter);

function* slotsIn(
  holder: object,
  path: readonly string[],
  owner: Module,
  seen: Set<object>,
): Generator<Slot> {
  seen.add(holder);
  for (const [key, value] of Object.entries(holder)) {
    if (typeof value !== "object" && typeof value !== "function") continue;
    if (value === null) continue;
    const here = [...path, key];
    if (isState(value)) {
      if (value instanceof Parameter) reached.add(value);
      yield {
        path: here,
        value: value as Variable | Module,
        replace: (next) => void ((holder as Record<string, unknown>)[key] = next),
      };
    } else if (Array.isArray(value) || isPlainObject(value as object)) {
      if (!seen.has(value as object)) yield* slotsIn(value as object, here, owner, seen);
    } else if (value instanceof Map || value instanceof Set) {
      if (![...value].flat().some(isState)) continue;
      throw new FlambeauError(
        `${owner.constructor.name}.${here.join(".")}: a ${value.constructor.name} holds Parameters or ` +
          `Modules, which only fields, arrays and plain objects may hold. Use an array or a plain ` +
          `object.`,
      );
    }
  }
}

/** Variables and modules that a module holds itself, not those of its children. */
export function slotsOf(module: Module): Slot[] {
  return [...slotsIn(module[walked](), [], module, new Set())];
}

/** PyTorch's order: own parameters, own buffers, then what containers and children hold. */
function rank({ path, value }: Slot): number {
  if (path.length > 1 || isModule(value)) return 2;
  return value instanceof Parameter ? 0 : 1;
}

export const joinName = (prefix: string, path: readonly string[]): string => {
  const name = path.map(stateName).join(".");
  return prefix === "" ? name : `${prefix}.${name}`;
};

/** Every place in the tree that holds a variable, with its name; shared ones come several times. */
export function variableSlots(
  root: Module,
  prefix = "",
  above: readonly Module[] = [],
): [string, Slot<Variable>][] {
  const slots = slotsOf(root).toSorted((a, b) => rank(a) - rank(b));
  const line = [...above, root];
  return slots.flatMap((slot) => {
    const name = joinName(prefix, slot.path);
    if (!isModule(slot.value)) return [[name, slot as Slot<Variable>]];
    // A module may know its parent; that is no child.
    return line.includes(slot.value) ? [] : variableSlots(slot.value, name, line);
  });
}

/** Every module of the tree once, the root first, with its name. */
export function moduleTree(
  root: Module,
  name = "",
  seen: Set<Module> = new Set(),
): [string, Module][] {
  if (seen.has(root)) return [];
  seen.add(root);
  const below = slotsOf(root).flatMap(({ path, value }) =>
    isModule(value) ? moduleTree(value, joinName(name, path), seen) : [],
  );
  return [[name, root], ...below];
}

/** Drops later mentions of the same thing: tied parameters count once. */
export function once<T>(named: readonly (readonly [string, T])[]): [string, T][] {
  const seen = new Set<T>();
  const result: [string, T][] = [];
  for (const [name, value] of named) {
    if (seen.has(value)) continue;
    seen.add(value);
    result.push([name, value]);
  }
  return result;
}
