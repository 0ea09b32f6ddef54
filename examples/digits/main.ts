// Trains a convolutional network on the 60,000 images of MNIST, saves it, loads it again and tests it
// on 10,000 others. `npm start -- --help` lists the options.
import { FlambeauError, crossEntropy, defaultDevice, manualSeed } from "flambeau";
import { DataLoader, Subset, mnist } from "flambeau/data";
import { loadSafetensors, saveSafetensors } from "flambeau/formats";
import { Adam } from "flambeau/optim";
import {
  LearningRateScheduler,
  ModelCheckpoint,
  ProgressBar,
  accuracy,
  evaluate,
  fit,
  loadCheckpoint,
  plotLoss,
} from "flambeau/train";
import { onInterrupt } from "./interrupt.ts";
import { DigitClassifier } from "./model.ts";
import { type CommandLine, asPart, readCommandLine, resumeCommand } from "./settings.ts";
import { showDigits } from "./show.ts";

async function main({ settings, resume, output, checkpoint }: CommandLine): Promise<void> {
  const interrupt = onInterrupt("Stopping after this step. Ctrl-C again quits at once.");
  if (resume) await loadCheckpoint(checkpoint, { settings: asPart(settings) });

  const images = await mnist({ split: "train" });
  const { limit = images.length } = settings;
  const dataset = new Subset(
    images,
    Array.from({ length: Math.min(limit, images.length) }, (_, i) => i),
  );
  const { batchSize, seed } = settings;
  const loader = new DataLoader(dataset, { batchSize, shuffle: true, seed });

  manualSeed(seed);
  const model = new DigitClassifier();
  const optimizer = new Adam(model.parameters(), { lr: settings.learningRate });
  const progress = resume
    ? await loadCheckpoint(checkpoint, { model, optimizer, loader })
    : undefined;

  console.log(`${model}\ntraining on ${dataset.length} images, device ${defaultDevice().name}`);
  const startedAt = performance.now();
  const history = await fit(model, loader, {
    loss: crossEntropy,
    optimizer,
    epochs: settings.epochs,
    metrics: [accuracy()],
    callbacks: [
      new LearningRateScheduler(risingThenFalling(settings.learningRate)),
      new ProgressBar(),
      new ModelCheckpoint(checkpoint, { parts: { settings: asPart(settings) } }),
    ],
    signal: interrupt.signal,
    resume: progress,
  });
  if (history.stopped !== undefined) {
    console.log(`Saved ${checkpoint}. Continue with: ${resumeCommand(checkpoint)}`);
    process.exit(130);
  }
  interrupt.end();
  console.log(`trained in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  console.log(`${plotLoss(history)}\n`);

  await saveSafetensors(output, model.stateDict());
  console.log(`saved ${output}\n`);
  await test(output);
}

/** Rises over the first twentieth of the steps, then falls to zero along a cosine. */
const risingThenFalling =
  (highest: number) =>
  (step: number, steps: number): number => {
    const warmup = steps / 20;
    if (step < warmup) return highest * ((step + 1) / (warmup + 1));
    return highest * 0.5 * (1 + Math.cos((Math.PI * (step - warmup)) / (steps - warmup)));
  };

/** Loads the weights into a fresh model, shows some of its answers, and counts the right ones. */
async function test(path: string): Promise<void> {
  const model = new DigitClassifier();
  model.loadStateDict((await loadSafetensors(path)).tensors);
  const images = await mnist({ split: "test" });
  console.log(`${await showDigits(model, images, [0, 1, 2])}\n`);
  const loader = new DataLoader(images, { batchSize: 250 });
  const result = await evaluate(model, loader, { metrics: [accuracy()] });
  console.log(`test accuracy: ${result.accuracy!.toFixed(4)}`);
}

try {
  await main(readCommandLine());
} catch (error) {
  // Its message says what to do; a stack would only hide it.
  if (!(error instanceof FlambeauError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
