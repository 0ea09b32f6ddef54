// The `debug` namespace.
export { NumericsError, assertFinite, assertRange, assertShape, checkNumerics, detectAnomaly } from "./anomaly.ts"; // prettier-ignore
