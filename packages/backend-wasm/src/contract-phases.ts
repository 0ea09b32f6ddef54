// Contractions whose guards divide, as the input gradient of a strided convolution does: of the
// products only every `divisor`-th exists. Outputs are split by residue, so that each part meets only
// products that exist and no guard divides any more. (Products that do not exist are skipped: where the
// reference multiplies their 0 with an infinite factor it gets NaN, this does not.)
import type { Access, ContractKernel, Guard } from "@flambeau/core/extension";

const gcd = (x: number, y: number): number => (y === 0 ? x : gcd(y, x % y));
const lcm = (x: number, y: number): number => (x / gcd(x, y)) * y;
const isMultiple = (x: number, of: number): boolean => x % of === 0;

/** More parts than this are left to the general path. */
const mostParts = 64;

/** Every vector of residues below `periods`. */
function residues(periods: readonly number[]): number[][] {
  return periods.reduce<number[][]>(
    (lists, period) =>
      lists.flatMap((list) => Array.from({ length: period }, (_, r) => [...list, r])),
    [[]],
  );
}

/** The parts of a contraction, each without divisions; `undefined` where it does not fall apart so. */
export function splitPhases(kernel: ContractKernel): ContractKernel[] | undefined {
  const divided = kernel.loads
    .slice(0, 2)
    .flatMap(({ guards = [] }) => guards.filter((guard) => guard.divisor > 1));
  if (divided.length === 0) return undefined;
  const periods = kernel.axes.map((length, axis) =>
    length === 1
      ? 1
      : divided.reduce((period, { coefficients, divisor }) => {
          const c = Math.abs(coefficients[axis]!) % divisor;
          return c === 0 ? period : lcm(period, divisor / gcd(c, divisor));
        }, 1),
  );
  const ownCount = kernel.axes.length - kernel.groups.k;
  const own = residues(periods.slice(0, ownCount));
  const inner = residues(periods.slice(ownCount));
  if (own.length > mostParts || inner.length > mostParts) return undefined;
  const parts: ContractKernel[] = [];
  for (const outerResidues of own) {
    const lengths = lengthsOf(kernel.axes, [...outerResidues], periods);
    if (lengths.includes(0)) continue;
    const fitting = inner
      .map((innerResidues) => [...outerResidues, ...innerResidues])
      .filter((all) => divided.every((guard) => isExact(guard, all)));
    if (fitting.length > 1) return undefined;
    const [all] = fitting;
    const isEmpty = all === undefined || lengthsOf(kernel.axes, all, periods).includes(0);
    parts.push(isEmpty ? emptyPart(kernel, outerResidues, periods) : part(kernel, all, periods));
  }
  return parts;
}

/** How many indices of each axis have the residue. */
const lengthsOf = (
  axes: readonly number[],
  all: readonly number[],
  periods: readonly number[],
): number[] => all.map((r, axis) => Math.max(0, Math.ceil((axes[axis]! - r) / periods[axis]!)));

/** Whether a guard divides exactly at these residues. */
const isExact = ({ base, coefficients, divisor }: Guard, all: readonly number[]): boolean =>
  isMultiple(
    coefficients.reduce((sum, c, axis) => sum + c * all[axis]!, base),
    divisor,
  );

const dot = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((sum, value, i) => sum + value * y[i]!, 0);

function part(
  kernel: ContractKernel,
  all: readonly number[],
  periods: readonly number[],
): ContractKernel {
  const narrow = <T extends Access>(access: T): T => ({
    ...access,
    offset: access.offset + dot(access.strides, all),
    strides: access.strides.map((stride, axis) => stride * periods[axis]!),
    ...(access.guards && {
      guards: access.guards.map((guard) => ({
        ...guard,
        base: (guard.base + dot(guard.coefficients, all)) / guard.divisor,
        coefficients: guard.coefficients.map((c, axis) => (c * periods[axis]!) / guard.divisor),
        divisor: 1,
      })),
    }),
  });
  return {
    ...kernel,
    axes: lengthsOf(kernel.axes, all, periods),
    loads: kernel.loads.map(narrow),
    stores: kernel.stores.map(narrow),
  };
}

/** Outputs that no product reaches: one product with a factor that never exists. */
function emptyPart(
  kernel: ContractKernel,
  outerResidues: readonly number[],
  periods: readonly number[],
): ContractKernel {
  const { axes, groups, loads } = kernel;
  const none = (length: number): number[] => Array.from({ length }, () => 0);
  const all = [...outerResidues, ...none(groups.k)];
  const never: Guard = {
    base: -1,
    coefficients: none(axes.length),
    divisor: 1,
    size: 1,
    stride: 0,
  };
  const blank = loads.map((load, i) => (i < 2 ? { ...load, guards: undefined } : load));
  const whole = part({ ...kernel, loads: blank }, all, periods);
  return {
    ...whole,
    axes: whole.axes.map((length, axis) => (axis < axes.length - groups.k ? length : 1)),
    loads: whole.loads.map((load, i) => (i === 1 ? { ...load, guards: [never] } : load)),
  };
}
