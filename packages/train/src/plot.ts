// The course of the loss as text.
import asciichart from "asciichart";
import type { History } from "./history.ts";

export interface PlotOptions {
  /** Lines and columns of the curve. */
  readonly height?: number;
  readonly width?: number;
}

/** Means of `count` equal parts of a series; the series itself where it is shorter. */
function thin(series: readonly number[], count: number): number[] {
  if (series.length <= count) return [...series];
  return Array.from({ length: count }, (_, i) => {
    const part = series.slice(
      Math.floor((i * series.length) / count),
      Math.floor(((i + 1) * series.length) / count),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** A chart of the training loss, with the number of steps below. */
export function plotLoss(history: History, { height = 10, width = 64 }: PlotOptions = {}): string {
  const finite = history.course.filter(Number.isFinite);
  if (finite.length === 0) return "loss: nothing was recorded";
  const chart = asciichart.plot(thin(finite, width), {
    height,
    format: (value: number) => value.toFixed(3).padStart(8),
  });
  const steps = history.course.length * history.stepsPerPoint;
  const last = `${steps} steps`;
  const columns = Math.min(width, finite.length);
  return `    loss\n${chart}\n${" ".repeat(9)}└0${last.padStart(Math.max(columns - 1, last.length + 1))}`;
}
