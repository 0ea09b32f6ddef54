// The network: two convolutions, each with a rectifier and a pool, and a dense layer.
import { type Tensor, maxPool2d, relu } from "flambeau";
import { Conv2d, Linear, Module } from "flambeau/nn";

export class DigitClassifier extends Module {
  conv1 = new Conv2d(1, 16, 3, { padding: 1 });
  conv2 = new Conv2d(16, 32, 3, { padding: 1 });
  dense = new Linear(32 * 7 * 7, 10);

  forward(images: Tensor): Tensor {
    let x = images; // [batch, 1, 28, 28]
    x = maxPool2d(relu(this.conv1(x)), 2); // [batch, 16, 14, 14]
    x = maxPool2d(relu(this.conv2(x)), 2); // [batch, 32, 7, 7]
    return this.dense(x.flatten(1)); // [batch, 10]
  }
}
