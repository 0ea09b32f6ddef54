// Devices: a backend together with the memory that it has handed out.
import { byteSize, type DType } from "../dtype.ts";
import { DTypeError, FlambeauError, MemoryError } from "../errors.ts";
import { createNullBackend } from "../backends/null.ts";
import { createReferenceBackend } from "../backends/reference.ts";
import type { Backend } from "./backend.ts";
import { collectGarbage, environmentVariable, turnEventLoop } from "./platform.ts";

const mebibyte = 1024 ** 2;
/** Bytes that may die before a collection is asked for: small enough to stay in cache-warm memory. */
const smallestBudget = 64 * mebibyte;

/** A thing that holds tensors and runs kernels. */
export class Device {
  readonly name: string;
  readonly backend: Backend;
  /** Whether the backend counts its buffers and takes collected ones back by itself. @internal */
  readonly collectsHandles: boolean;
  #liveBytes = 0;
  #liveBuffers = 0;
  #collectAt = smallestBudget;

  constructor(backend: Backend) {
    this.name = backend.name;
    this.backend = backend;
    this.collectsHandles = backend.collectsHandles === true;
  }

  /** Bytes of the buffers that are alive. */
  get liveBytes(): number {
    return this.collectsHandles ? this.backend.liveBytes!() : this.#liveBytes;
  }

  /** Number of buffers that are alive. */
  get liveBuffers(): number {
    return this.collectsHandles ? this.backend.liveBuffers!() : this.#liveBuffers;
  }

  /** Throws where the device cannot hold `dtype`. */
  requireDType(dtype: DType): void {
    if (this.backend.dtypes.has(dtype)) return;
    throw new DTypeError(
      `device ${this.name} has no ${dtype}. It has ${[...this.backend.dtypes].join(", ")}.`,
    );
  }

  allocate(bytes: number): unknown {
    if (this.collectsHandles) return this.backend.allocate(bytes);
    const { memoryLimit } = this.backend;
    if (this.#liveBytes + bytes > memoryLimit) {
      throw new MemoryError(
        `out of memory on ${this.name}: ${megabytes(bytes)} MB asked for, ` +
          `${megabytes(this.#liveBytes)} MB in ${this.#liveBuffers} live tensors, ` +
          `limit ${megabytes(memoryLimit)} MB. A loop that never awaits cannot return the memory ` +
          `of tensors it dropped: \`await settle()\` now and then (DataLoader and fit do), wrap the ` +
          `body in scope(() => …), dispose of large tensors, or raise FLAMBEAU_MEMORY_LIMIT.`,
      );
    }
    const handle = this.backend.allocate(bytes);
    this.#liveBytes += bytes;
    this.#liveBuffers++;
    return handle;
  }

  free(handle: unknown, bytes: number): void {
    if (!this.collectsHandles) {
      this.#liveBytes -= bytes;
      this.#liveBuffers--;
    }
    this.backend.free(handle);
  }

  /**
   * Gives dropped tensors back when enough bytes are alive: asks for a collection and, where finalizers
   * of core give them back, lets the event loop turn, so that these run. Cheap when there is nothing to do.
   */
  async settle(): Promise<void> {
    if (this.liveBytes < this.#collectAt) return;
    collectGarbage();
    if (!this.collectsHandles) {
      await turnEventLoop();
      await turnEventLoop();
    }
    this.#collectAt = Math.max(smallestBudget, this.liveBytes * 1.5);
  }

  toString(): string {
    return `device("${this.name}")`;
  }
}

const megabytes = (bytes: number): string => (bytes / mebibyte).toFixed(bytes < mebibyte ? 3 : 1);

const factories = new Map<string, () => Backend>();
const devices = new Map<string, Device>();
/** Best first, with whether it can start here; `FLAMBEAU_BACKEND` goes before all of them. */
let preference: { readonly name: string; readonly isHere: () => boolean }[] = [];
let chosen: Device | undefined;
/** The best by preference, once asked for. */
let usual: Device | undefined;

/**
 * Makes a backend available by name. `preferred` ones become the default before older ones; a function is
 * asked, once a default is needed, whether the backend can start here.
 */
export function registerBackend<Handle>(
  name: string,
  create: () => Backend<Handle>,
  { preferred = false }: { preferred?: boolean | (() => boolean) } = {},
): void {
  // A device passes back only handles that its own backend gave.
  factories.set(name, create as unknown as () => Backend);
  if (preferred === false) return;
  const isHere = preferred === true ? () => true : preferred;
  preference = [{ name, isHere }, ...preference.filter((other) => other.name !== name)];
  usual = undefined;
}

registerBackend("reference", createReferenceBackend, { preferred: true });
registerBackend("null", createNullBackend);

/** Names that `device(…)` accepts here. */
export const deviceNames = (): string[] => [...factories.keys()];

/** The device of that name; its backend starts on first use. */
export function device(name: string): Device {
  let found = devices.get(name);
  if (found === undefined) {
    const create = factories.get(name);
    if (create === undefined) {
      throw new FlambeauError(
        `device "${name}" does not exist. Available: ${deviceNames().join(", ")}.`,
      );
    }
    found = new Device(create());
    devices.set(name, found);
  }
  return found;
}

/** Where new tensors go. */
export function defaultDevice(): Device {
  if (chosen !== undefined) return chosen;
  usual ??= device(
    environmentVariable("FLAMBEAU_BACKEND") || preference.find(({ isHere }) => isHere())!.name,
  );
  return usual;
}

/** Sets where new tensors go; returns the device. */
export function setDefaultDevice(target: Device | string): Device {
  chosen = typeof target === "string" ? device(target) : target;
  return chosen;
}

/** Lets every device give back the memory of dropped tensors. Await it in long loops. */
export async function settle(): Promise<void> {
  for (const one of devices.values()) await one.settle();
}

export const bytesFor = (size: number, dtype: DType): number => size * byteSize(dtype);
