// Checkpoints: everything that training needs to continue exactly, in one safetensors file. The
// model's weights stand under `model.`; other programs can read them.
import { FormatError, Generator, type Tensor, defaultDevice } from "@flambeau/core";
import { loadSafetensors, saveSafetensors } from "@flambeau/formats";
import { defaultGenerator } from "@flambeau/core/extension";
import type { Progress } from "./history.ts";
import { packState, unpackState } from "./packed-state.ts";

/** Models, optimizers, loaders, schedules: what has a state that can be saved and restored. */
export interface Stateful {
  stateDict(): unknown;
  loadStateDict(state: never): unknown;
}

/** What a checkpoint consists of, by name. */
export interface CheckpointParts {
  readonly model?: Stateful | undefined;
  readonly optimizer?: Stateful | undefined;
  readonly loader?: Stateful | undefined;
  readonly [name: string]: Stateful | Generator | undefined;
}

const version = 1;
const randomName = "default generator";

/** The device's own random numbers are part of every checkpoint. */
const allParts = (parts: CheckpointParts): [string, Stateful | Generator][] => [
  ...Object.entries(parts).filter(
    (part): part is [string, Stateful | Generator] => part[1] !== undefined,
  ),
  [randomName, defaultGenerator(defaultDevice())],
];

/**
 * Saves the state of every part, and where training is, into one file: the old file or the new one,
 * never half. The states are taken when this is called; training may go on while the file is written.
 */
export async function saveCheckpoint(
  path: string,
  parts: CheckpointParts,
  progress?: Progress,
): Promise<void> {
  const tensors: Record<string, Tensor> = {};
  const states: Record<string, unknown> = {};
  for (const [name, part] of allParts(parts)) {
    const state = part instanceof Generator ? part.state : part.stateDict();
    states[name] = packState(state, name, tensors);
  }
  const description = { version, states, progress: progress ?? null };
  await saveSafetensors(path, tensors, { metadata: { flambeau: JSON.stringify(description) } });
}

interface CheckpointDescription {
  readonly version: number;
  readonly states: Readonly<Record<string, unknown>>;
  readonly progress: Progress | null;
}

/** Restores the state of every part; returns where training was, for `fit({ resume })`. */
export async function loadCheckpoint(
  path: string,
  parts: CheckpointParts,
): Promise<Progress | undefined> {
  const { tensors, metadata } = await loadSafetensors(path);
  try {
    const { states, progress } = parseDescription(path, metadata.flambeau);
    const restored = allParts(parts).map(([name, part]) => {
      if (!Object.hasOwn(states, name)) {
        throw new FormatError(
          `checkpoint: ${path} holds no ${name}. It holds ${Object.keys(states).join(", ")}.`,
        );
      }
      return [part, unpackState(states[name], tensors)] as const;
    });
    // Everything was found; only now does anything change.
    for (const [part, state] of restored) {
      if (part instanceof Generator) part.state.assign(state as Tensor);
      else part.loadStateDict(state as never);
    }
    return progress ?? undefined;
  } finally {
    for (const one of Object.values(tensors)) one.dispose();
  }
}

function parseDescription(path: string, text: string | undefined): CheckpointDescription {
  if (text === undefined) {
    throw new FormatError(
      `checkpoint: ${path} holds tensors only. Load them with loadSafetensors, then ` +
        `model.loadStateDict(tensors).`,
    );
  }
  let description: Partial<CheckpointDescription>;
  try {
    description = JSON.parse(text) as Partial<CheckpointDescription>;
  } catch (error) {
    throw new FormatError(`checkpoint: the description in ${path} is not JSON.`, { cause: error });
  }
  if (description?.version !== version || typeof description.states !== "object") {
    throw new FormatError(
      `checkpoint: ${path} has version ${String(description?.version)}; expected ${version}. Load it ` +
        `with the release that wrote it.`,
    );
  }
  return description as CheckpointDescription;
}
