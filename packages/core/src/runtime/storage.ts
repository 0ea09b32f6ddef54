// Storage: one buffer and the count of tensors that use it. Freed when the count reaches zero, when
// the last reference is collected, or never by hand unless the user wants certainty.
import { MemoryError } from "../errors.ts";
import type { Device } from "./device.ts";

/** What must be given back; separate from Storage so that the registry does not keep it alive. */
interface Lease {
  readonly device: Device;
  readonly handle: unknown;
  readonly bytes: number;
  ended: boolean;
}

function end(lease: Lease): void {
  if (lease.ended) return;
  lease.ended = true;
  lease.device.free(lease.handle, lease.bytes);
}

const registry = new FinalizationRegistry<Lease>(end);

export class Storage {
  readonly device: Device;
  readonly bytes: number;
  readonly #lease: Lease;
  #handles = 0;

  constructor(device: Device, bytes: number) {
    const lease = { device, handle: device.allocate(bytes), bytes, ended: false };
    this.device = device;
    this.bytes = bytes;
    this.#lease = lease;
    registry.register(this, lease);
  }

  /** The backend's handle; throws after the storage was freed. */
  get handle(): unknown {
    const lease = this.#lease;
    if (lease.ended) {
      throw new MemoryError(
        "the memory of this tensor was freed: it was disposed of, or made inside a scope(…) that has " +
          "ended. Return it from the scope, or keep a copy with clone().",
      );
    }
    return lease.handle;
  }

  get isFreed(): boolean {
    return this.#lease.ended;
  }

  /** Whether exactly one tensor uses this buffer, so that it may be written in place. */
  get isSoleOwner(): boolean {
    return this.#handles === 1;
  }

  retain(): void {
    this.#handles++;
  }

  release(): void {
    if (--this.#handles === 0) end(this.#lease);
  }
}
