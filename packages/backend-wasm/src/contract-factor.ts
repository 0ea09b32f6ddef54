// One factor of a contraction as emitted code sees it: its structure, and its numbers in the parameter
// block.
import { type Axis, type NormalAccess, stepOf } from "./contract-axes.ts";
import type { GatherGuard, GatherShape } from "./contract-gather.ts";

/** How one factor reaches the micro kernel. */
export interface FactorShape {
  /** The direction in which it is contiguous. */
  readonly along: "own" | "k";
  /** Copied into a tile first. */
  readonly gather?: GatherShape;
  readonly guards: readonly GatherGuard[];
  /** Axes along which it moves. */
  readonly strided: readonly string[];
}

export interface Layout {
  readonly along: "own" | "k";
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly gathers: boolean;
}

/** Writes a factor's numbers into the parameter block and returns its structure. */
export function describeFactor(
  words: Map<string, number>,
  factor: "a" | "b",
  access: NormalAccess,
  position: number,
  named: ReadonlyMap<string, Axis>,
  { along, rows, columns, gathers }: Layout,
): FactorShape {
  words.set(`${factor}.base`, 0);
  for (const [name, axis] of named) words.set(`${factor}.${name}`, axis.strides[position]! * 4);
  const innerName = columns.at(-1);
  const inner = innerName === undefined ? undefined : named.get(innerName)!;
  const slopeOf = (g: number): number => inner?.coefficients[position]![g] ?? 0;
  const sloping = access.guards.filter((_, g) => slopeOf(g) !== 0).length;
  let single = false;
  const guards = access.guards.map((guard, g): GatherGuard => {
    const coefficient = slopeOf(g);
    const divided = guard.divisor !== 1;
    words.set(`${factor}.guard${g}.base`, guard.base);
    words.set(`${factor}.guard${g}.size`, guard.size);
    words.set(`${factor}.guard${g}.divisor`, guard.divisor);
    words.set(`${factor}.guard${g}.stride`, guard.stride * 4);
    const axes: string[] = [];
    for (const [name, axis] of named) {
      const c = axis.coefficients[position]![g]!;
      words.set(`${factor}.guard${g}.${name}`, c);
      if (c !== 0) axes.push(name);
    }
    let slope: GatherGuard["slope"] = "level";
    if (coefficient !== 0 && divided) {
      slope = "spread";
      single ||= coefficient !== 1 || sloping > 1;
    } else if (coefficient !== 0) {
      slope = coefficient === 1 ? "rising" : coefficient > 1 ? "climbing" : "falling";
    }
    return { slope, divided, axes };
  });
  const step = inner && stepOf(access, position, inner);
  words.set(`${factor}.run`, (step ?? 0) * 4);
  const strided = [...named]
    .filter(([, axis]) => axis.strides[position] !== 0)
    .map(([name]) => name);
  const settled = single ? guards.map((guard) => ({ ...guard, slope: "level" as const })) : guards;
  return {
    along,
    guards: settled,
    strided,
    ...(gathers && {
      gather: { factor, rows, columns, strided, guards: settled, unit: step === 1, single },
    }),
  };
}
