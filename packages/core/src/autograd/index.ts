// The `autograd` namespace.
export {
  type BackwardOptions,
  type GradOptions,
  type Gradients,
  backward,
  grad,
} from "./backward.ts";
export { type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.ts";
