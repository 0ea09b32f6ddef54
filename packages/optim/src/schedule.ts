// What learning-rate schedules share. The usual ones are in schedules.ts, those that go up and down in
// cycles.ts, those that follow a metric or combine others in combined-schedules.ts.
import { FlambeauError } from "@flambeau/core";

/** What a schedule changes. */
export interface ScheduledGroup {
  lr: number;
  initialLr?: number;
}

/** Any optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly ScheduledGroup[];
}

/** Plain data: everything a schedule knows, without the optimizer. */
export type ScheduleState = { readonly [name: string]: unknown };

/** Saves and restores the fields of an object that are plain data. */
export const plainFields = (object: object): ScheduleState =>
  structuredClone(
    Object.fromEntries(
      Object.entries(object).filter(
        ([, value]) => typeof value !== "function" && !holdsObjects(value),
      ),
    ),
  );

const holdsObjects = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(holdsObjects) : typeof value === "object" && value !== null;

export interface ScheduleOptions {
  /** The last step taken, to go on from; -1 starts anew. */
  readonly lastEpoch?: number;
}

/** Sets the learning rates of an optimizer as steps go by. `torch.optim.lr_scheduler.LRScheduler`. */
export abstract class LRScheduler<O extends Scheduled = Scheduled> {
  readonly optimizer: O;
  baseLrs: number[];
  lastEpoch: number;

  constructor(optimizer: O, { lastEpoch = -1 }: ScheduleOptions = {}) {
    this.optimizer = optimizer;
    this.lastEpoch = lastEpoch;
    optimizer.paramGroups.forEach((group, i) => {
      if (lastEpoch === -1) group.initialLr ??= group.lr;
      else if (group.initialLr === undefined) {
        throw new FlambeauError(
          `${this.constructor.name}: lastEpoch is ${lastEpoch}, but group ${i} has no initialLr to ` +
            `go on from. Load the optimizer's state first.`,
        );
      }
    });
    this.baseLrs = optimizer.paramGroups.map(({ initialLr }) => initialLr!);
  }

  /** The rate of each group now that `lastEpoch` has advanced. */
  abstract getLr(): number[];

  /** Takes the first step: constructors end with it. */
  protected start(): void {
    this.step();
  }

  /** Goes one step on. Call it after `optimizer.step()`. */
  step(): void {
    this.lastEpoch++;
    this.apply();
  }

  /** Goes back to the beginning, as if just started. @internal */
  restart(): void {
    this.optimizer.paramGroups.forEach((group, i) => (group.lr = this.baseLrs[i]!));
    this.lastEpoch = 0;
    this.apply();
  }

  protected apply(): void {
    const rates = this.getLr();
    this.optimizer.paramGroups.forEach((group, i) => (group.lr = rates[i]!));
  }

  protected get currentLrs(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** The rates now in use, one a group. */
  getLastLr(): number[] {
    return this.currentLrs;
  }

  stateDict(): ScheduleState {
    return plainFields(this);
  }

  loadStateDict(state: ScheduleState): void {
    Object.assign(this, structuredClone(state));
  }
}

/** One value for each group. */
export function perGroup<T>(optimizer: Scheduled, value: T | readonly T[], name: string): T[] {
  const count = optimizer.paramGroups.length;
  if (!Array.isArray(value)) return new Array<T>(count).fill(value as T);
  if (value.length === count) return [...(value as readonly T[])];
  throw new FlambeauError(
    `${name}: expected one value, or one for each of ${count} parameter groups, got ${value.length}.`,
  );
}
