// The example of the README.
import { type Tensor, crossEntropy } from "flambeau";
import { DataLoader, mnist } from "flambeau/data";
import { saveSafetensors } from "flambeau/formats";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { ProgressBar, accuracy, fit } from "flambeau/train";

class Digits extends nn.Module {
  conv = new nn.Conv2d(1, 16, 3, { padding: 1 });
  head = new nn.Linear(16 * 14 * 14, 10);

  override forward(x: Tensor): Tensor {
    const h = this.conv(x).relu().maxPool2d(2); // [batch, 16, 14, 14]
    return this.head(h.flatten(1)); // [batch, 10]
  }
}

const model = new Digits();
const loader = new DataLoader(await mnist({ split: "train" }), { batchSize: 128, shuffle: true });
const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
await fit(model, loader, {
  loss: crossEntropy,
  optimizer,
  epochs: 1,
  metrics: [accuracy()],
  callbacks: [new ProgressBar()],
});
await saveSafetensors("digits.safetensors", model.stateDict());
