// The command line, and the settings that a checkpoint remembers so that --resume needs no others.
import { Command, InvalidArgumentError } from "commander";

/** What decides the result of a training run. */
export interface Settings {
  epochs: number;
  batchSize: number;
  learningRate: number;
  seed: number;
  /** Train on the first so many images only. */
  limit?: number | undefined;
}

export interface CommandLine {
  readonly settings: Settings;
  readonly resume: boolean;
  readonly output: string;
  readonly checkpoint: string;
}

const count = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError("Expected a positive integer.");
};
const integer = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected an integer.");
};
const rate = (text: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("Expected a number of at least 0.");
};

const defaultCheckpoint = "digits.checkpoint.safetensors";

/** What continues the run in this checkpoint. */
export const resumeCommand = (checkpoint: string): string =>
  `npm start -- --resume${checkpoint === defaultCheckpoint ? "" : ` --checkpoint ${checkpoint}`}`;

/** Reads the arguments; backend and threads go to the environment, where backends look. */
export function readCommandLine(argv: readonly string[] = process.argv): CommandLine {
  const command = new Command("npm start --")
    .description("Trains a small convolutional network to read handwritten digits (MNIST).")
    .option("--epochs <count>", "passes over the training images", count, 2)
    .option("--batch-size <count>", "images per step", count, 64)
    .option("--learning-rate <rate>", "highest learning rate", rate, 0.004)
    .option("--seed <integer>", "for the first weights and the order of images", integer, 1)
    .option("--limit <count>", "train on the first so many images only", count)
    .option("--backend <name>", "device: wasm, reference, … (also FLAMBEAU_BACKEND)")
    .option("--threads <count>", "threads of the wasm backend (also FLAMBEAU_THREADS)", count)
    .option("--output <path>", "where the trained weights go", "digits.safetensors")
    .option("--checkpoint <path>", "where an interrupted run is kept", defaultCheckpoint)
    .option("--resume", "continue the run in the checkpoint, with its settings")
    .parse(argv as string[]);
  const options = command.opts();
  if (options.backend !== undefined) process.env.FLAMBEAU_BACKEND = options.backend as string;
  if (options.threads !== undefined) process.env.FLAMBEAU_THREADS = String(options.threads);
  const { epochs, batchSize, learningRate, seed, limit, output, checkpoint } = options as Settings &
    CommandLine;
  const resume = options.resume === true;
  return { settings: { epochs, batchSize, learningRate, seed, limit }, resume, output, checkpoint };
}

/** Settings as a part of a checkpoint. */
export const asPart = (settings: Settings) => ({
  stateDict: () => ({ ...settings }),
  loadStateDict: (saved: Settings) => void Object.assign(settings, { limit: undefined }, saved),
});
