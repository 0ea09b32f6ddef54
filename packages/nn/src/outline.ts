// How modules print: nested, one line a layer, as PyTorch does.
import type { Module } from "./module.ts";
import { isModule, slotsOf } from "./walk.ts";

const indent = (text: string): string => text.replaceAll("\n", "\n  ");

export function outline(module: Module, above: readonly Module[] = []): string {
  const { name } = module.constructor;
  const extra = module.extraRepr();
  const line = [...above, module];
  const children = slotsOf(module).flatMap(({ path, value }) =>
    isModule(value) && !line.includes(value)
      ? [`(${path.join(".")}): ${indent(outline(value, line))}`]
      : [],
  );
  if (children.length === 0) return `${name}(${extra})`;
  const body = [...(extra === "" ? [] : [extra]), ...children];
  return `${name}(\n  ${body.join("\n  ")}\n)`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  const isTiny = typeof value === "number" && value !== 0 && Math.abs(value) < 1e-3;
  return isTiny ? value.toExponential() : String(value);
}

/** `name=value` pairs for `extraRepr`; undefined ones are left out. */
export const showOptions = (options: { readonly [name: string]: unknown }): string =>
  Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${show(value)}`)
    .join(", ");
