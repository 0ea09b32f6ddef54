// Ctrl-C: the first lets the running step end, the second quits at once.

/** npm and the terminal may both deliver the same Ctrl-C. */
const samePress = 300;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Ctrl-C quits as usual again. */
  end(): void;
}

export function onInterrupt(message: string): Interrupt {
  const controller = new AbortController();
  let pressedAt: number | undefined;
  const listen = (): void => {
    const now = performance.now();
    if (pressedAt === undefined) {
      pressedAt = now;
      process.stderr.write(`\n${message}\n`);
      controller.abort();
    } else if (now - pressedAt > samePress) process.exit(130);
  };
  process.on("SIGINT", listen);
  return { signal: controller.signal, end: () => void process.off("SIGINT", listen) };
}
