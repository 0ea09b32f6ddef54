// A scratch file: change it and run `npm run play`.
import { type Tensor, autograd, tensor, trace } from "flambeau";

const x = tensor([[1, 2, 3], [4, 5, 6]], { requiresGrad: true }); // prettier-ignore
console.log(`x = ${x}\n`);

const f = (a: Tensor): Tensor => a.sin().mul(a).sum();
const y = f(x);
console.log(`y = sum(x · sin x) = ${y}\n`);
console.log(`dy/dx = ${autograd.grad(y, x)}\n`);

const recorded = trace(f);
recorded(x.detach());
console.log(`the graph of f:\n${recorded}`);
