// Long loops of synchronous work let the event loop turn now and then, so that signals, timers and
// screens are served. Only macrotasks count: an awaited promise that is already settled does not.

const longestHold = 15;
let lastTurn = 0;

/** Lets the event loop turn if it has been held for more than 15 ms. */
export async function breathe(): Promise<void> {
  if (performance.now() - lastTurn < longestHold) return;
  await new Promise<void>((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
  lastTurn = performance.now();
}
