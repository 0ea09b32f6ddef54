// Where temporaries lie in one arena: those that are never alive together share bytes.

export interface Lifetime {
  readonly bytes: number;
  /** Steps at which the temporary is first and last used. */
  readonly first: number;
  readonly last: number;
}

const alignment = 64;

export interface Arena {
  readonly bytes: number;
  /** Of each temporary. */
  readonly offsets: readonly number[];
}

/** Largest first, each at the lowest place where no temporary of the same time lies. */
export function planArena(lifetimes: readonly Lifetime[]): Arena {
  const order = lifetimes.map((_, i) => i).toSorted((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b); // prettier-ignore
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: { readonly from: number; readonly to: number; readonly lifetime: Lifetime }[] = [];
  let bytes = 0;
  for (const i of order) {
    const lifetime = lifetimes[i]!;
    const size = Math.ceil(lifetime.bytes / alignment) * alignment;
    let from = 0;
    for (const other of placed) {
      const isApart = other.lifetime.last < lifetime.first || lifetime.last < other.lifetime.first;
      if (isApart || other.to <= from) continue;
      if (other.from >= from + size) break;
      from = other.to;
    }
    offsets[i] = from;
    bytes = Math.max(bytes, from + size);
    const at = placed.findIndex((other) => other.from > from);
    placed.splice(at < 0 ? placed.length : at, 0, { from, to: from + size, lifetime });
  }
  return { bytes, offsets };
}
