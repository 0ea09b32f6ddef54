// Two models with an optimizer each: the discriminator learns on detached fakes, the generator through
// the discriminator. PyTorch: fake.detach(), two optimizers, BCEWithLogitsLoss.
import { type Tensor, onesLike, zerosLike } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const generator = fillWithWaves(
    new nn.Sequential(new nn.Linear(2, 6, float64), new nn.Tanh(), new nn.Linear(6, 2, float64)),
  );
  const discriminator = fillWithWaves(
    new nn.Sequential(
      new nn.Linear(2, 6, float64),
      new nn.LeakyReLU(0.2),
      new nn.Linear(6, 1, float64),
    ),
  );
  const criterion = new nn.BCEWithLogitsLoss();
  const options = { lr: 0.01, betas: [0.5, 0.999] } as const;
  const ofGenerator = new Adam(generator.parameters(), options);
  const ofDiscriminator = new Adam(discriminator.parameters(), options);
  const judged = (x: Tensor, isReal: boolean): Tensor => {
    const logits = discriminator(x);
    return criterion(logits, isReal ? onesLike(logits) : zerosLike(logits));
  };

  const discriminatorLosses: number[] = [];
  const generatorLosses: number[] = [];
  for (let step = 0; step < 5; step++) {
    const real = wave([8, 2], 5 * step, 0.3).add(1);
    const fake = generator(wave([8, 2], 3 * step));

    ofDiscriminator.zeroGrad();
    const discriminatorLoss = judged(real, true).add(judged(fake.detach(), false));
    discriminatorLoss.backward();
    ofDiscriminator.step();

    ofGenerator.zeroGrad();
    const generatorLoss = judged(fake, true);
    generatorLoss.backward();
    ofGenerator.step();

    discriminatorLosses.push(await discriminatorLoss.item());
    generatorLosses.push(await generatorLoss.item());
  }
  return {
    discriminatorLosses,
    generatorLosses,
    generatorWeight: await numbers(generator.parameters()[0]!),
    discriminatorWeight: await numbers(discriminator.parameters()[0]!),
  };
}

await printIfMain(import.meta.url, run);
