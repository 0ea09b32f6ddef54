// ProgressBar: a live line per epoch in a terminal; plain lines elsewhere. It has no timers: an error
// that ends training leaves nothing behind that would keep the process alive.
import type { Writable } from "node:stream";
import picocolors from "picocolors";
import type { Callback, TrainingRun } from "../callback.ts";
import type { Logs } from "../history.ts";

export interface ProgressBarOptions {
  /** Where to; standard error by default. Drawn live where it is a terminal. */
  readonly stream?: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Milliseconds between plain lines, where it is none; 10,000 by default. */
  readonly plainInterval?: number;
}

const liveInterval = 80;
const width = 24;

/** Seconds as `8 s`, `1:05` or `2:03:09`. */
function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}

const words = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Four digits of a quantity. */
const digits = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(4);

const showLogs = (logs: Logs): string[] =>
  Object.entries(logs).map(([name, value]) => `${words(name)} ${digits(value)}`);

/** Shows epoch, step, loss, metrics, samples per second and the time left. Keras's ProgbarLogger. */
export class ProgressBar implements Callback {
  readonly #stream: NonNullable<ProgressBarOptions["stream"]>;
  readonly #isLive: boolean;
  readonly #interval: number;
  readonly #colors: ReturnType<typeof picocolors.createColors>;
  #drawnAt = 0;
  #startedAt = 0;
  #samplesBefore = 0;
  #hasOpenLine = false;

  constructor(options: ProgressBarOptions = {}) {
    this.#stream = options.stream ?? process.stderr;
    this.#isLive = this.#stream.isTTY === true;
    this.#interval = this.#isLive ? liveInterval : (options.plainInterval ?? 10_000);
    this.#colors = picocolors.createColors(this.#isLive && picocolors.isColorSupported);
  }

  onEpochBegin(_epoch: number, run: TrainingRun): void {
    this.#startedAt = this.#drawnAt = performance.now();
    this.#samplesBefore = run.samplesSeen;
  }

  onBatchEnd(_batch: number, logs: Logs, run: TrainingRun): void {
    const now = performance.now();
    if (now - this.#drawnAt < this.#interval) return;
    this.#drawnAt = now;
    const seconds = (now - this.#startedAt) / 1000;
    const rate = (run.samplesSeen - this.#samplesBefore) / seconds;
    const left = ((run.samples ?? NaN) * (1 - run.batch / (run.batches ?? NaN))) / rate;
    this.#draw(run, [...showLogs(logs), `${Math.round(rate)} samples/s`, `${duration(left)} left`]);
  }

  onTestBegin(run: TrainingRun): void {
    if (this.#isLive) this.#draw(run, ["evaluating"]);
  }

  onEpochEnd(epoch: number, logs: Logs, run: TrainingRun): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = (run.samplesSeen - this.#samplesBefore) / seconds;
    const shown = [...showLogs(logs), `${Math.round(rate)} samples/s`, duration(seconds)];
    this.#draw(run, shown, { epoch, batch: run.batches ?? 0 });
    this.#endLine();
  }

  onTrainEnd(): void {
    this.#endLine();
  }

  #draw(
    run: TrainingRun,
    parts: readonly string[],
    at = { epoch: run.epoch, batch: run.batch },
  ): void {
    const { bold, cyan, dim } = this.#colors;
    const count = run.batches === undefined ? String(at.batch) : `${at.batch}/${run.batches}`;
    const head = `epoch ${at.epoch + 1}/${run.epochs}`;
    if (!this.#isLive) {
      this.#stream.write(`${[head, `step ${count}`, ...parts].join(" · ")}\n`);
      return;
    }
    const done = run.batches === undefined ? 0 : Math.round((at.batch / run.batches) * width);
    const bar = cyan("━".repeat(done)) + dim("─".repeat(width - done));
    // What does not fit on the line is left out, from the end.
    let room = (this.#stream.columns || 80) - head.length - width - count.length - 4;
    const fitting = parts.filter((part) => (room -= part.length + 3) >= 0);
    const text = [`${bold(head)} ${bar} ${count}`, ...fitting].join(dim(" · "));
    this.#stream.write(`\r${text}\u001B[K`);
    this.#hasOpenLine = true;
  }

  #endLine(): void {
    if (this.#hasOpenLine) this.#stream.write("\n");
    this.#hasOpenLine = false;
  }
}
