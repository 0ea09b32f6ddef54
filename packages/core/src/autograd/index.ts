// The `autograd` namespace.
export {
  type BackwardOptions,
  type GradOptions,
  type Gradients,
  backward,
  grad,
} from "./backward.ts";
export { type CustomFunction, customFunction } from "./function.ts";
export { type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.ts";
export { checkpoint, savedTensorsHooks } from "./checkpoint.ts";
export type { SavedTensorsHooks } from "./saved.ts";
export { detectAnomaly } from "../debug/anomaly.ts";
