// What expressions become before they are emitted: transcendentals as polynomials, conditions as bool,
// constants as second operands, where instruction tables look for them.
import { type Scalar, decompose, s, transform } from "@flambeau/core/extension";

const commutes = new Set<Scalar["op"]>(["min", "max"]);

export const lowerScalar = (e: Scalar): Scalar =>
  decompose(
    transform(e, (node) => {
      if (node.op === "select" && node.condition.dtype !== "bool") {
        return { ...node, condition: s.cast(node.condition, "bool") };
      }
      if ("y" in node && commutes.has(node.op) && node.x.op === "const") {
        return { ...node, x: node.y, y: node.x };
      }
      return node;
    }),
  );
