// Golden data: every PyTorch call in the fixtures whose function and dtypes exist here gives
// PyTorch's values and gradients. What does not exist yet is counted and named, not passed over.
import { setDefaultDevice } from "@flambeau/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lane, testedDevices } from "./devices.ts";
import { type FunctionCase, goldenGroup, goldenGroups } from "./golden-data.ts";
import { type ModuleCase, runGoldenModule } from "./golden-modules.ts";
import { type ProgramCase, runGoldenProgram } from "./golden-programs.ts";
import { type GoldenReport, runGoldenCase, runGoldenGroup, showReport } from "./golden.ts";

const functionGroups = goldenGroups().filter((name) => name !== "modules" && name !== "programs");
const devices = lane === "full" ? testedDevices.slice(0, 2) : ["reference"];

for (const device of devices) {
  describe(`as PyTorch computes it, on ${device}`, () => {
    const lines: string[] = [];
    const finish = (report: GoldenReport): void => {
      lines.push(showReport(report));
      expect(report.failures).toEqual([]);
    };

    beforeAll(() => void setDefaultDevice(device));
    // What is missing is the same everywhere.
    afterAll(() => {
      if (device === devices[0]) console.log(lines.join("\n"));
    });

    for (const name of functionGroups) {
      it(name, () => {
        const { group, cases, tensors } = goldenGroup(name);
        const run = (one: FunctionCase) => runGoldenCase(one, tensors);
        finish(runGoldenGroup({ group, cases }, run, (one) => one.fn));
      });
    }

    it("modules", () => {
      const { group, cases, tensors } = goldenGroup<ModuleCase>("modules");
      const run = (one: ModuleCase) => runGoldenModule(one, tensors);
      finish(runGoldenGroup({ group, cases }, run, ({ module }) => module));
    });

    it("programs", () => {
      const { group, cases, tensors } = goldenGroup<ProgramCase>("programs");
      const run = (one: ProgramCase) => runGoldenProgram(one, tensors);
      finish(runGoldenGroup({ group, cases }, run, ({ id }) => id));
    });
  });
}
