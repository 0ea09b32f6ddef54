// Runs the generated gradient suite. FLAMBEAU_LANE=fast takes the first order at ordinary values of every
// third op, `full` (the default) everything; FLAMBEAU_SUPPORT_TABLE=1 prints the support table.
import * as core from "@flambeau/core";
import { afterAll, describe, expect, it } from "vitest";
import { type Verdict, failuresOf } from "./conformance.ts";
import { lane, testedDevices } from "./devices.ts";
import { type GradientOptions, runGradients } from "./gradients.ts";
import { opsOf } from "./named-ops.ts";
import { summaryOf, supportTable } from "./support-table.ts";

const verdicts: Verdict[] = [];

const options: GradientOptions =
  lane === "full" ? {} : { checks: ["first", "complex", "float32"], values: ["ordinary"] };

describe("every gradient is right", () => {
  for (const op of opsOf(core).filter((_, i) => lane === "full" || i % 3 === 0)) {
    it(op.name, () => {
      const found = runGradients([op], { ...options, devices: testedDevices });
      verdicts.push(...found);
      const failures = failuresOf(found);
      if (failures.length === 0) return;
      expect.fail(`${failures.length} cases:\n${failures.slice(0, 5).join("\n")}`);
    });
  }
});

afterAll(() => {
  const table = process.env["FLAMBEAU_SUPPORT_TABLE"] === "1" ? `${supportTable(verdicts)}\n` : "";
  console.log(
    `${table}gradients, ${lane} lane on ${testedDevices.join(", ")}: ${summaryOf(verdicts)}`,
  );
});
