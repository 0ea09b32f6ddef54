// Some test images with what the network says of them.
import { type Tensor, softmax } from "flambeau";
import type { Dataset } from "flambeau/data";
import { predict, renderDigit } from "flambeau/train";
import type { DigitClassifier } from "./model.ts";

const margin = "4:24"; // digits stand in the middle 20×20 pixels
const side = 20;

/** Text blocks side by side. */
function besideEachOther(blocks: readonly string[], width: number): string {
  const lines = blocks.map((block) => block.split("\n"));
  const height = Math.max(...lines.map((block) => block.length));
  return Array.from({ length: height }, (_, row) =>
    lines
      .map((block) => (block[row] ?? "").padEnd(width))
      .join("")
      .trimEnd(),
  ).join("\n");
}

/** Draws the images at `indices` with prediction and probability. */
export async function showDigits(
  model: DigitClassifier,
  dataset: Dataset<[Tensor, Tensor], [Tensor, Tensor]>,
  indices: readonly number[],
): Promise<string> {
  const [images, labels] = await dataset.batch!(indices, {});
  const probabilities = softmax(await predict(model, [images]), -1); // [images, 10]
  const guesses = await probabilities.argmax(1).data();
  const certainties = await probabilities.amax(1).data();
  const truths = await labels.data();
  const blocks = indices.map((_, i) => {
    const guess = guesses[i]!;
    const percent = (Number(certainties[i]!) * 100).toFixed(1);
    const verdict = guess === truths[i] ? "" : `, is ${truths[i]}`;
    const drawing = renderDigit(images.at(i, 0, margin, margin), { width: side });
    return `${drawing}\n${guess} (${percent}%${verdict})`;
  });
  return besideEachOther(blocks, side + 4);
}
