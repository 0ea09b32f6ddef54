// The support table: op × dtype × device, with the reason of everything that was skipped.
import type { Verdict } from "./conformance.ts";

interface Cell {
  pass: number;
  skip: number;
  fail: number;
}

const showCell = ({ pass, skip, fail }: Cell): string => {
  if (fail > 0) return `FAIL ${fail}`;
  if (pass === 0) return skip > 0 ? "skip" : "-";
  return skip > 0 ? `${pass} (${skip} skipped)` : `${pass}`;
};

/** Counts of passed cases by op, dtype and device, then each reason for skipping with its ops. */
export function supportTable(verdicts: readonly Verdict[]): string {
  const columns = [...new Set(verdicts.map(({ dtype, device }) => `${dtype} ${device}`))].sort();
  const rows = new Map<string, Map<string, Cell>>();
  const reasons = new Map<string, Set<string>>();
  for (const { op, dtype, device, outcome } of verdicts) {
    let row = rows.get(op);
    if (row === undefined) rows.set(op, (row = new Map()));
    const column = `${dtype} ${device}`;
    const cell = row.get(column) ?? { pass: 0, skip: 0, fail: 0 };
    cell[outcome.status]++;
    row.set(column, cell);
    if (outcome.status !== "skip") continue;
    let ops = reasons.get(outcome.reason);
    if (ops === undefined) reasons.set(outcome.reason, (ops = new Set()));
    ops.add(op);
  }
  const empty: Cell = { pass: 0, skip: 0, fail: 0 };
  const lines = [
    ["op", ...columns],
    ...[...rows].map(([op, row]) => [
      op,
      ...columns.map((name) => showCell(row.get(name) ?? empty)),
    ]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const table = lines.map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  const skipped = [...reasons].map(([reason, ops]) => `  ${reason}: ${[...ops].join(", ")}`);
  return [...table, "", "Skipped:", ...(skipped.length > 0 ? skipped : ["  nothing"])].join("\n");
}

/** `12,701 passed, 12 skipped, 0 failed` */
export function summaryOf(verdicts: readonly Verdict[]): string {
  const count = (status: string): string =>
    verdicts.filter(({ outcome }) => outcome.status === status).length.toLocaleString("en-US");
  return `${count("pass")} passed, ${count("skip")} skipped, ${count("fail")} failed`;
}
