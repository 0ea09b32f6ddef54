// Traced functions: they record what they do (record.ts) on first calls, and replay it (run.ts) on later ones.
import { TraceError } from "../errors.ts";
import { modes } from "../modes.ts";
import { HostValue } from "../operation.ts";
import type { Graph } from "./graph.ts";
import { printGraph } from "./print.ts";
import { type Recording, fill, record } from "./record.ts";
import { Replay } from "./run.ts";
import { mapTensors, tensorsIn } from "./tree.ts";

/** A function that replays what it recorded. */
export interface Traced<F extends (...inputs: never[]) => unknown> {
  (...inputs: Parameters<F>): ReturnType<F>;
  /**
   * As a call, beside JavaScript where the backend can: the event loop turns while kernels run, and the
   * promise resolves to what a call returns. Elsewhere it runs before `runAsync` returns. Arguments are read
   * as they are now, even if they are disposed of before the end. Results belong to no `scope`.
   *
   * State (variables, gradients) is read when the run starts and written when it ends. Calls that write state
   * wait for each other, in the order in which they were made; others run at once. What else changes the same
   * state must await the promise first: a plain call of this function meanwhile is an error. Errors reject
   * the promise; nothing is written then.
   */
  runAsync(...inputs: Parameters<F>): Promise<ReturnType<F>>;
  /** Graphs recorded so far, newest last: one for each combination of shapes, dtypes and flags. */
  readonly graphs: readonly Graph[];
  /** The newest graph; an error before the first call. */
  readonly graph: Graph;
  /**
   * How the newest graph ran last, as text: which ops run at once as a program of the backend, which are
   * called alone, and why.
   */
  explain(): string;
  toString(): string;
}

interface Replayed extends Recording {
  readonly replay: Replay;
}

/** What a recording depends on besides guards: shapes and dtypes of tensors, values of the rest. */
function signatureOf(inputs: readonly unknown[]): string {
  return JSON.stringify(
    inputs.map((input) =>
      mapTensors(input, ({ dtype, layout: { shape }, device }) => `${device.name} ${dtype}[${shape.join()}]`),
    ),
  ); // prettier-ignore
}

const isRecorded = ({ guards }: Recording): boolean =>
  guards.every(({ read, value }) => read() === value);

/** The recordings of one function, and its runs that have not ended. */
class TracedFunction {
  readonly graphs: Graph[] = [];
  readonly #name: string;
  readonly #body: (...inputs: never[]) => unknown;
  readonly #recordings = new Map<string, Replayed[]>();
  #newest: Replay | undefined;
  /** Ends when all runs begun so far have ended that write state; undefined once they have. */
  #writing: Promise<void> | undefined;

  constructor(name: string, body: (...inputs: never[]) => unknown) {
    this.#name = name;
    this.#body = body;
  }

  get newest(): Replay {
    if (this.#newest !== undefined) return this.#newest;
    throw new TraceError(`${this.#name}: nothing is recorded yet; call it once.`);
  }

  #recordingFor(inputs: readonly unknown[]): Replayed {
    const signature = signatureOf(inputs);
    const known = this.#recordings.get(signature) ?? [];
    let recording = known.find(isRecorded);
    if (recording === undefined) {
      const recorded = record(this.#name, this.#body, inputs);
      recording = { ...recorded, replay: new Replay(recorded.graph) };
      this.#recordings.set(signature, [...known, recording]);
      this.graphs.push(recording.graph);
      this.#newest = recording.replay;
    }
    return recording;
  }

  call(inputs: readonly unknown[]): unknown {
    requireNoTrace();
    if (this.#writing !== undefined) {
      throw new TraceError(
        `${this.#name}: a run that runAsync began has not ended, and it writes state. Await its promise ` +
          `first, or call runAsync again, which waits.`,
      );
    }
    const { results, replay } = this.#recordingFor(inputs);
    return fill(results, replay.run(tensorsIn(inputs)));
  }

  async callAsync(inputs: readonly unknown[]): Promise<unknown> {
    requireNoTrace();
    if (this.#writing === undefined) {
      const { run, writesState } = this.#begin(inputs);
      if (writesState) this.#noteWriting(run);
      return run;
    }
    const held = inputs.map((input) => mapTensors(input, (tensor) => tensor.withoutHistory()));
    const run = this.#writing.then(async () => {
      try {
        return await this.#begin(held).run;
      } finally {
        for (const tensor of tensorsIn(held)) tensor.dispose();
      }
    });
    this.#noteWriting(run);
    return run;
  }

  /** Later calls begin when this run has ended. */
  #noteWriting(run: Promise<unknown>): void {
    const ended = () => {
      if (this.#writing === writing) this.#writing = undefined;
    };
    const writing: Promise<void> = run.then(ended, ended);
    this.#writing = writing;
  }

  #begin(inputs: readonly unknown[]): { run: Promise<unknown>; writesState: boolean } {
    const { results, replay } = this.#recordingFor(inputs);
    const { writesState } = replay;
    const run = replay.runAsync(tensorsIn(inputs)).then((outputs) => fill(results, outputs));
    return { run, writesState };
  }
}

function requireNoTrace(): void {
  if (modes.recorder === undefined) return;
  throw new TraceError("trace: traces do not nest; call the plain function inside a traced one.");
}

/**
 * Records what `body` does with tensors (ops, backward passes, optimiser steps) on its first call,
 * and replays the graph on later ones. Recorded again for other shapes, dtypes or plain arguments.
 * Results carry no gradient history: take gradients inside. Ops that nothing depends on are not run.
 */
export function trace<F extends (...inputs: never[]) => unknown>(
  body: F,
  options: { readonly name?: string } = {},
): Traced<F> {
  const traced = new TracedFunction(options.name ?? (body.name || "traced"), body);
  const call = (...inputs: unknown[]): unknown => traced.call(inputs);
  Object.defineProperties(call, {
    runAsync: { value: (...inputs: unknown[]) => traced.callAsync(inputs) },
    graphs: { get: () => traced.graphs },
    graph: { get: () => traced.newest.graph },
    explain: { value: () => traced.newest.explain() },
    toString: { value: () => printGraph(traced.newest.graph) },
  });
  return call as unknown as Traced<F>;
}

/**
 * A number that traced programs read anew before each replay, such as a learning rate; outside a
 * trace simply the number.
 */
export const hostValue = (read: () => number): number | HostValue =>
  modes.recorder === undefined ? read() : new HostValue(read);
