// CSVLogger: one line per epoch in a file (Node).
import type { Callback } from "../callback.ts";
import type { Logs } from "../history.ts";

/** Writes epoch and logs as comma-separated values. Keras's CSVLogger. */
export class CSVLogger implements Callback {
  readonly path: string;
  readonly #append: boolean;
  #columns: string[] | undefined;

  /** `append` continues a file of an earlier run, whose columns must be the same. */
  constructor(path: string, options: { readonly append?: boolean } = {}) {
    this.path = path;
    this.#append = options.append ?? false;
  }

  async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { appendFile, readFile, writeFile } = await import("node:fs/promises");
    if (this.#columns === undefined) {
      const before = this.#append ? await readFile(this.path, "utf8").catch(() => "") : "";
      this.#columns =
        before === "" ? ["epoch", ...Object.keys(logs)] : before.split("\n", 1)[0]!.split(",");
      if (before === "") await writeFile(this.path, `${this.#columns.join(",")}\n`);
    }
    const values: Logs = { ...logs, epoch };
    await appendFile(this.path, `${this.#columns.map((name) => values[name] ?? "").join(",")}\n`);
  }
}
