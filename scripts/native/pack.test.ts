// What would be published, installed into an empty project without install scripts: it loads and computes.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { loadEngine } from "@flambeau/backend-native";
import { root } from "../run.ts";

const run = promisify(execFile);
const isFast = process.env["FLAMBEAU_LANE"] === "fast";
const loaded = loadEngine();

const program = `
import { defaultDevice, device, tensor, matmul } from "flambeau";
import * as nn from "flambeau/nn";
const x = tensor([[1, 2], [3, 4]]);
console.log(defaultDevice().name, matmul(x, x).toArray().join(), new nn.Linear(2, 3)(x).shape.join());
console.log(tensor([1], { device: device("wasm") }).add(1).itemSync());
`;

test.skipIf(isFast || "reason" in loaded)(
  "packed tarballs serve an empty project",
  { timeout: 300_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "flambeau-pack-"));
    try {
      const { stdout } = await run(
        process.execPath,
        ["--import", "tsx", "scripts/native/pack.ts", join(folder, "packs")],
        { cwd: root },
      );
      const packs = readdirSync(join(folder, "packs")).filter((name) => name.endsWith(".tgz"));
      expect(packs, stdout).toHaveLength(2);
      writeFileSync(join(folder, "package.json"), `{ "private": true, "type": "module" }\n`);
      const tarballs = packs.map((name) => join(folder, "packs", name));
      const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
      await run("npm", ["install", ...options, ...tarballs], { cwd: folder });
      writeFileSync(join(folder, "main.js"), program);
      const result = await run(process.execPath, ["main.js"], { cwd: folder });
      expect(result.stdout).toBe("native 7,10,15,22 2,3\n2\n");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
