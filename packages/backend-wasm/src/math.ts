// The JavaScript functions that emitted modules may import, all on float64: every name is Math's own
// but `rem`. Workers build the same list from these names (a function cannot be posted).

export const unaryMathImports = [
  "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
  "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
] as const; // prettier-ignore
export const binaryMathImports = ["pow", "atan2", "rem"] as const;

export type MathImport = (typeof unaryMathImports)[number] | (typeof binaryMathImports)[number];

export const mathImports: readonly MathImport[] = [...unaryMathImports, ...binaryMathImports];

/** What `env` holds beside the memory. */
export function mathFunctions(): Record<MathImport, (x: number, y: number) => number> {
  const rem = (x: number, y: number): number => x % y;
  return Object.fromEntries(
    mathImports.map((name) => [name, name === "rem" ? rem : Math[name]]),
  ) as Record<MathImport, (x: number, y: number) => number>;
}
