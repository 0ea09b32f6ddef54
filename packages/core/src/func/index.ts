// The `func` namespace.
export { type ArgumentOptions, grad, hessian, hvp, jacfwd, jacrev, jvp, valueAndGrad, vjp } from "./transforms.ts"; // prettier-ignore
export { type VmapOptions, vmap } from "./vmap.ts";
