// A contestant in a process of its own, which times one burst at a time when asked.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Burst {
  /** Per step; null where the contestant does not know the case. */
  readonly nanoseconds: number | null;
  /** Largest resident size so far, in bytes, where it is measured. */
  readonly peak?: number;
}

export class Peer {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.name = name;
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts a contestant; `undefined` where it is not installed. */
  static async start(
    name: string,
    command: string,
    options: readonly string[],
    env: Record<string, string>,
  ): Promise<Peer | undefined> {
    const child = spawn(command, options, { env: { ...process.env, ...env } });
    let complaint = "";
    child.stderr.on("data", (chunk) => (complaint += chunk));
    const failed = new Promise<undefined>((resolve) => child.on("error", () => resolve(undefined)));
    const peer = new Peer(name, child);
    const first = await Promise.race([peer.#lines.next(), failed]);
    if (first?.value === "ready") return peer;
    child.kill();
    const why = complaint.trim().split("\n").at(-1) ?? "";
    console.log(`${name}: n/a${why === "" ? "" : ` (${why})`}`);
    return undefined;
  }

  async burst(name: string, milliseconds: number): Promise<Burst> {
    this.#child.stdin.write(`${JSON.stringify({ name, milliseconds })}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.name} ended while it ran "${name}".`);
    return JSON.parse(value) as Burst;
  }

  stop(): void {
    this.#child.kill();
  }
}
