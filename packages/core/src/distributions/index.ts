// torch.distributions: probability distributions over tensors, and divergences between them.
export {
  Distribution, type DistributionOptions,
} from "./distribution.ts"; // prettier-ignore
export type { Constraint } from "./constraint.ts";
export { Categorical, Multinomial, OneHotCategorical } from "./categorical.ts";
export { Independent, MixtureSameFamily } from "./combination.ts";
export { Bernoulli, Binomial, Geometric, type OddsOptions, Poisson } from "./counts.ts";
export { klDivergence, registerKl } from "./divergence.ts";
export { Beta, Chi2, Dirichlet, Gamma, StudentT } from "./gamma.ts";
export { Cauchy, Gumbel, HalfCauchy, Laplace } from "./location-scale.ts";
export { MultivariateNormal, type MultivariateNormalOptions } from "./multivariate-normal.ts";
export { HalfNormal, LogNormal, Normal } from "./normal.ts";
export { Exponential, Pareto, Uniform, Weibull } from "./positive.ts";
export {
  AffineTransform, ExpTransform, SigmoidTransform, TanhTransform, Transform, TransformedDistribution,
} from "./transform.ts"; // prettier-ignore
