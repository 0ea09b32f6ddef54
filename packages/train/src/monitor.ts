// Watching one logged quantity for its best value.
import { FlambeauError } from "@flambeau/core";
import type { Logs } from "./history.ts";

export interface MonitorOptions {
  /** The quantity to watch; valLoss by default. */
  readonly monitor?: string;
  /** Whether small or large is good; by default large for names that end in accuracy. */
  readonly mode?: "min" | "max";
  /** Smaller changes do not count as better; 0 by default. */
  readonly minDelta?: number;
}

export interface Monitor {
  /** The best value so far. */
  readonly best: number | undefined;
  /** Whether the quantity is now better than ever. */
  improves(logs: Logs): boolean;
}

export function createMonitor(owner: string, options: MonitorOptions): Monitor {
  const { monitor: name = "valLoss", minDelta = 0 } = options;
  const mode = options.mode ?? (/accuracy$/i.test(name) ? "max" : "min");
  let best: number | undefined;
  return {
    get best() {
      return best;
    },
    improves(logs) {
      const value = logs[name];
      if (value === undefined) {
        throw new FlambeauError(
          `${owner}: ${name} is not among the logs ${Object.keys(logs).join(", ")}. Give fit a ` +
            `validation set, or choose another monitor.`,
        );
      }
      const gain = best === undefined ? Infinity : mode === "min" ? best - value : value - best;
      // A NaN is never better, and anything is better than a NaN.
      if (!(gain > minDelta) && !(Number.isNaN(best) && !Number.isNaN(value))) return false;
      best = value;
      return true;
    },
  };
}
