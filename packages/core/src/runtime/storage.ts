// Storage: one buffer and the count of tensors that use it. Freed when the count reaches zero, when
// the last reference is collected, or never by hand unless the user wants certainty.
import { MemoryError } from "../errors.ts";
import type { Device } from "./device.ts";

/** What must be given back; separate from Storage so that the registry does not keep it alive. */
interface Lease {
  readonly device: Device;
  /** `undefined` once it was given back. */
  handle: unknown;
  bytes: number;
}

function end(lease: Lease): void {
  const { device, handle, bytes } = lease;
  if (handle === undefined) return;
  lease.handle = undefined;
  device.free(handle, bytes);
}

const registry = new FinalizationRegistry<Lease>(end);

/** Freed storages that a device keeps for new buffers, at most. */
const mostSpares = 4096;
const spares = new WeakMap<Device, Storage[]>();

export class Storage {
  readonly device: Device;
  /** `undefined` once it was freed. */
  #handle: unknown;
  #bytes: number;
  /** Only where the backend does not take collected handles back by itself. */
  readonly #lease: Lease | undefined;
  #users = 0;

  private constructor(device: Device, handle: unknown, bytes: number) {
    this.device = device;
    this.#handle = handle;
    this.#bytes = bytes;
    if (device.collectsHandles) return;
    this.#lease = { device, handle, bytes };
    registry.register(this, this.#lease);
  }

  /** Reserves a buffer. */
  static allocate(device: Device, bytes: number): Storage {
    const handle = device.allocate(bytes);
    if (device.collectsHandles) return new Storage(device, handle, bytes);
    // What is registered is used again: V8 walks all that ever was on each of its collections.
    const spare = spares.get(device)?.pop();
    if (spare === undefined) return new Storage(device, handle, bytes);
    spare.#handle = spare.#lease!.handle = handle;
    spare.#bytes = spare.#lease!.bytes = bytes;
    return spare;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The backend's handle; throws after the storage was freed. */
  get handle(): unknown {
    const handle = this.#handle;
    return handle === undefined ? throwFreed() : handle;
  }

  get isFreed(): boolean {
    return this.#handle === undefined;
  }

  /** Whether exactly one tensor uses this buffer, so that it may be written in place. */
  get isSoleOwner(): boolean {
    return this.#users === 1;
  }

  retain(): void {
    this.#users++;
  }

  /** After the last user's release the storage is gone: it may stand for another buffer by then. */
  release(): void {
    if (--this.#users === 0) this.#free();
  }

  #free(): void {
    const { device } = this;
    const handle = this.#handle;
    this.#handle = undefined;
    if (this.#lease === undefined) {
      device.free(handle, this.#bytes);
      return;
    }
    end(this.#lease);
    let list = spares.get(device);
    if (list === undefined) spares.set(device, (list = []));
    if (list.length < mostSpares) list.push(this);
  }
}

function throwFreed(): never {
  throw new MemoryError(
    "the memory of this tensor was freed: it was disposed of, or made inside a scope(…) that has " +
      "ended. Return it from the scope, or keep a copy with clone().",
  );
}
