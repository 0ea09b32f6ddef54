// Clustering without gradients: distances, nearest centres, means by adding rows at positions.
// PyTorch: torch.cdist, argmin, index_add_, bincount, and a loop until nothing changes.
import { type Tensor, cdist, onesLike, tensor, zeros, zerosLike } from "flambeau";
import { type Numbers, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const count = 4;
  const blobs = tensor([[0, 0], [3, 1], [-2, 4], [1, -3]], float64); // prettier-ignore
  const points = blobs.repeatInterleave(10, 0).add(wave([40, 2], 0, 0.9)); // [40, 2]
  let centers = points.at("::10").add(0.7).at([1, 0, 3, 2]);
  let owner: Tensor = zeros([40], { dtype: "int32" });
  const inertias: number[] = [];
  for (let step = 0; step < 20; step++) {
    const nearest = cdist(points, centers).minWithIndices(1);
    inertias.push(await nearest.values.square().sum().item());
    const moved = await nearest.indices.ne(owner).sum().item();
    owner = nearest.indices;
    if (step > 0 && moved === 0) break;
    const sizes = zeros([count], float64).indexAdd(0, owner, onesLike(points.at(":", 0)));
    const sums = zerosLike(centers).indexAdd(0, owner, points);
    centers = sums.div(sizes.clamp({ min: 1 }).unsqueeze(1));
  }
  return {
    inertias,
    centers: await numbers(centers),
    owner: await numbers(owner),
    sizes: await numbers(owner.bincount({ minLength: count })),
  };
}

await printIfMain(import.meta.url, run);
