// Ops that stay functions: their first operand is a list, or a condition, and no method reads well.
export { where } from "./arithmetic.ts";
export { complex, polar } from "./complex.ts";
export { concat, stack } from "./join.ts";
export { einsum } from "./einsum.ts";
export { chainMatmul, multiDot } from "./products.ts";
export { broadcastTensors, meshgrid } from "./rearrange.ts";
export { cartesianProd } from "./sequences.ts";
export { blockDiag, columnStack, dstack, hstack, vstack } from "./stacking.ts";
export { scaledDotProductAttention } from "./attention.ts";
export { gruCell, gruLayer, lstmCell, lstmLayer, rnnCell, rnnLayer } from "./recurrent.ts";
export { affineGrid } from "./grid-sample.ts";
