// Devices whose backend takes collected buffers back by itself.
import { expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.ts";
import { add, device, ones, registerBackend, scope, settle } from "../index.ts";

it("leaves counting to backends that collect their handles", async () => {
  const inner = createReferenceBackend();
  const live = new Set<unknown>();
  registerBackend("collecting", () => ({
    ...inner,
    name: "collecting",
    collectsHandles: true,
    allocate(bytes) {
      const handle = inner.allocate(bytes);
      live.add(handle);
      return handle;
    },
    free: (handle) => void live.delete(handle),
    liveBytes: () => 2 ** 30,
    liveBuffers: () => live.size,
  }));
  const target = device("collecting");
  const x = ones([2], { device: "collecting" });
  expect(target.liveBuffers).toBe(1);
  expect(target.liveBytes).toBe(2 ** 30);
  const y = scope(() => add(add(x, 1), 1));
  expect([target.liveBuffers, y.toArray()]).toEqual([2, [3, 3]]);
  await settle();
  y.dispose();
  expect(target.liveBuffers).toBe(1);
  expect(() => add(y, 1)).toThrow(/disposed/);
});
