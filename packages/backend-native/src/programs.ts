// Programs that the engine holds: one for all executables whose bytes are equal, deleted when none uses it.
import type { Engine } from "./engine.ts";
import { type FlatProgram, writeProgram } from "./program.ts";
import type { Precision } from "./program-kernels.ts";

/** A program's number, for as long as somebody holds this. */
export interface ProgramHandle {
  readonly number: number;
}

export class Programs {
  readonly #engine: Engine;
  readonly #known = new Map<string, WeakRef<ProgramHandle>>();
  readonly #registry: FinalizationRegistry<{ readonly key: string; readonly number: number }>;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#registry = new FinalizationRegistry(({ key, number }) => {
      engine.deleteProgram(number);
      // An equal program may have been made since.
      if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
    });
  }

  create(program: FlatProgram, precision: Precision): ProgramHandle {
    const words = writeProgram(program, precision);
    const key = words.key();
    let handle = this.#known.get(key)?.deref();
    if (handle === undefined) {
      const number = this.#engine.createProgram(words.bytes());
      handle = { number };
      this.#known.set(key, new WeakRef(handle));
      this.#registry.register(handle, { key, number });
    }
    return handle;
  }
}
