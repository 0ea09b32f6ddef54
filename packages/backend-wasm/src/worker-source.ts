// What a pool's worker threads run: plain JavaScript in a string, so that no bundler, loader or
// transform touches it. The protocol is described in threads.ts; the numbers are positions of words.

/** Words of the control block. */
export const control = {
  /** Counts up with each job; only for sleeping. */
  epoch: 0,
  /** Chunks nobody has claimed yet. */
  remaining: 1,
  /** Chunks that have ended, well or badly. */
  done: 2,
  sleepers: 3,
  /** Workers that have started. */
  ready: 4,
  stop: 5,
  /** The job: written while nothing is claimed, read after a claim. */
  module: 6,
  moduleAddress: 7,
  moduleBytes: 8,
  parameters: 9,
  total: 10,
  chunk: 11,
  chunks: 12,
  /** Scratch memory: one region of `scratchBytes` for each thread. */
  scratch: 13,
  scratchBytes: 14,
  /** 1 after a chunk failed; then the length and text of the first message. */
  failed: 15,
  messageLength: 16,
} as const;

/** Where the message of a failure lies in the control block, and its size. */
export const messageOffset = 256;
export const messageBytes = 768;
export const controlBytes = 1024;

/** Bytes of scratch memory that each thread hands to `run`. */
export const scratchBytes = 1 << 20;

/** How long an idle worker looks for work before it sleeps. */
const spinMilliseconds = 0.04;

/** `serve({ memory, address, thread, imports })` never returns until told to stop. */
export const workerSource = `
"use strict";
function serve({ memory, address, thread, imports }) {
  const words = new Int32Array(memory.buffer, address, ${messageOffset / 4});
  const message = new Uint8Array(memory.buffer, address + ${messageOffset}, ${messageBytes});
  const env = { memory };
  for (const name of imports) env[name] = name === "rem" ? (x, y) => x % y : Math[name];
  const runs = [];
  const load = (id) => {
    const start = words[${control.moduleAddress}] >>> 0;
    // Another thread may have grown the memory: growing by nothing renews the view of it.
    memory.grow(0);
    const code = new Uint8Array(words[${control.moduleBytes}]);
    code.set(new Uint8Array(memory.buffer, start, code.length));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { env });
    return (runs[id] = instance.exports.run);
  };
  const fail = (error) => {
    if (Atomics.compareExchange(words, ${control.failed}, 0, 1) !== 0) return;
    const text = String(error && error.stack ? error.stack : error);
    const length = Math.min(text.length, ${messageBytes});
    for (let i = 0; i < length; i++) message[i] = text.charCodeAt(i) & 127;
    Atomics.store(words, ${control.messageLength}, length);
  };
  Atomics.add(words, ${control.ready}, 1);
  let idleSince = -1;
  while (Atomics.load(words, ${control.stop}) === 0) {
    const left = Atomics.load(words, ${control.remaining});
    if (left > 0) {
      idleSince = -1;
      if (Atomics.compareExchange(words, ${control.remaining}, left, left - 1) !== left) continue;
      const chunks = words[${control.chunks}];
      try {
        const id = words[${control.module}];
        const run = runs[id] || load(id);
        const chunk = words[${control.chunk}];
        const start = (chunks - left) * chunk;
        const end = Math.min(start + chunk, words[${control.total}]);
        const scratch = words[${control.scratch}] + thread * words[${control.scratchBytes}];
        run(words[${control.parameters}], start, end, scratch);
      } catch (error) {
        fail(error);
      }
      if (Atomics.add(words, ${control.done}, 1) + 1 === chunks) Atomics.notify(words, ${control.done});
      continue;
    }
    const now = performance.now();
    if (idleSince < 0) idleSince = now;
    if (now - idleSince < ${spinMilliseconds}) {
      for (let i = 0; i < 32 && Atomics.load(words, ${control.remaining}) === 0; i++);
      continue;
    }
    idleSince = -1;
    const epoch = Atomics.load(words, ${control.epoch});
    Atomics.add(words, ${control.sleepers}, 1);
    if (Atomics.load(words, ${control.remaining}) === 0 && Atomics.load(words, ${control.stop}) === 0) {
      Atomics.wait(words, ${control.epoch}, epoch);
    }
    Atomics.sub(words, ${control.sleepers}, 1);
  }
}
`;
