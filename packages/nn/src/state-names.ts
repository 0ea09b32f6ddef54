// The one place where field names meet the names in checkpoints.

/**
 * The name in a state dict of a field: PyTorch's, so `runningMean` becomes `running_mean`. Fields
 * that start with a capital, or have no capitals, keep their names.
 */
export const stateName = (field: string): string =>
  /^[A-Z]/.test(field) ? field : field.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();

/** Counters that old checkpoints lack; PyTorch loads those without complaint, too. */
export const mayBeMissing = (key: string): boolean => /(^|\.)num_batches_tracked$/.test(key);
