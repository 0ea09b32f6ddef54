// The multivariate normal distribution, by the lower triangle of its covariance's Cholesky factors.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import { add, mul, square, sub } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { diagonal } from "../ops/diagonal.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { cholesky } from "../ops/linalg/cholesky.ts";
import { inv } from "../ops/linalg/inverse.ts";
import { solveTriangular } from "../ops/linalg/triangular.ts";
import { log } from "../ops/math.ts";
import { matmul } from "../ops/matmul.ts";
import { randn } from "../ops/random.ts";
import { sum } from "../ops/reduction.ts";
import { reshape, transpose, unsqueeze } from "../ops/view.ts";
import { promoteTypes } from "../dtype.ts";
import { type Shape, broadcastShapes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions } from "./distribution.ts";
import { batchOf, expandBatch } from "./parameters.ts";

/** Exactly one of the matrices is given. */
export interface MultivariateNormalOptions extends DistributionOptions {
  /** L of the covariance L·Lᵀ. */
  readonly scaleTril?: Tensor | undefined;
  readonly covarianceMatrix?: Tensor | undefined;
  /** The inverse of the covariance. */
  readonly precisionMatrix?: Tensor | undefined;
}

function factorOf(options: MultivariateNormalOptions): Tensor {
  const { scaleTril, covarianceMatrix, precisionMatrix } = options;
  const given = [scaleTril, covarianceMatrix, precisionMatrix].filter((x) => x !== undefined);
  if (given.length !== 1) {
    throw new FlambeauError(
      `MultivariateNormal: expected one of scaleTril, covarianceMatrix and precisionMatrix, got ` +
        `${given.length} of them.`,
    );
  }
  const [matrix] = given as [Tensor];
  if (matrix.ndim < 2 || matrix.shape.at(-1) !== matrix.shape.at(-2)) {
    throw new ShapeError(
      `MultivariateNormal: expected square matrices […batch, n, n], got shape ` +
        `${showShape(matrix.shape)}.`,
    );
  }
  if (scaleTril !== undefined) return scaleTril;
  return cholesky(covarianceMatrix ?? inv(matrix));
}

/** `[…, n, n]` · `[…, n]` */
const timesVector = (matrix: Tensor, x: Tensor): Tensor => {
  const product = matmul(matrix, unsqueeze(x, -1));
  return reshape(product, product.shape.slice(0, -1));
};

/** `|L⁻¹·x|²` of vectors, and the product of batches. @internal */
export function mahalanobis(factor: Tensor, x: Tensor): Tensor {
  const solved = solveTriangular(factor, unsqueeze(x, -1), { upper: false });
  return sum(square(solved), [-2, -1]);
}

/** `Σ log` of the diagonal. @internal */
export const halfLogDeterminant = (factor: Tensor): Tensor =>
  sum(log(diagonal(factor, 0, -2, -1)), -1);

/** Normal vectors of a mean `[…batch, n]` and a covariance `[…batch, n, n]`. */
export class MultivariateNormal extends Distribution {
  readonly name = "MultivariateNormal";
  readonly support = constraint.realVector;
  override readonly hasRsample = true;
  readonly loc: Tensor;
  /** The lower Cholesky factor of the covariance. */
  readonly scaleTril: Tensor;

  constructor(loc: Tensor, options: MultivariateNormalOptions) {
    const name = "MultivariateNormal";
    const factor = factorOf(options);
    const n = factor.shape.at(-1)!;
    const batch = broadcastShapes(name, batchOf(name, loc, 1), batchOf(name, factor, 2));
    if (loc.shape.at(-1) !== n) {
      throw new ShapeError(
        `${name}: a mean of shape ${showShape(loc.shape)} does not fit matrices of shape ` +
          `${showShape(factor.shape)} (${loc.shape.at(-1)} ≠ ${n}).`,
      );
    }
    super(batch, [n], options);
    const dtype = promoteTypes(promoteTypes(loc.dtype, factor.dtype), "float32");
    this.loc = expandBatch(cast(loc, dtype), batch, 1);
    this.scaleTril = expandBatch(cast(factor, dtype), batch, 2);
    this.requireParameter("loc", this.loc, constraint.realVector);
    if (options.scaleTril) {
      this.requireParameter("scaleTril", this.scaleTril, constraint.lowerCholesky);
    }
  }

  get covarianceMatrix(): Tensor {
    return matmul(this.scaleTril, transpose(this.scaleTril, -1, -2));
  }

  expand(shape: Shape): MultivariateNormal {
    const scaleTril = expandBatch(this.scaleTril, shape, 2);
    return new MultivariateNormal(expandBatch(this.loc, shape, 1), {
      scaleTril,
      validateArgs: false,
    });
  }

  protected draw(shape: Shape, { generator }: GeneratorOption): Tensor {
    const { dtype, device } = this.loc;
    const noise = randn(shape, { dtype, device, generator });
    return add(this.loc, timesVector(this.scaleTril, noise));
  }

  protected logDensity(value: Tensor): Tensor {
    const distance = mahalanobis(this.scaleTril, sub(value, this.loc));
    const constant = (this.eventShape[0]! * Math.log(2 * Math.PI)) / 2;
    return sub(mul(distance, -0.5), add(halfLogDeterminant(this.scaleTril), constant));
  }

  protected override uncertainty(): Tensor {
    const constant = (this.eventShape[0]! * (1 + Math.log(2 * Math.PI))) / 2;
    return add(halfLogDeterminant(this.scaleTril), constant);
  }

  protected override expectation(): Tensor {
    return this.loc;
  }

  protected override spread(): Tensor {
    return sum(square(this.scaleTril), -1);
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}
