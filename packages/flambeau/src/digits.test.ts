// End to end: the digits example as a process of its own. A run that Ctrl-C cuts and --resume completes
// must give the weights of one that was never cut, byte for byte, whatever the number of threads.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSafetensors } from "@flambeau/formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const small = ["--limit", "2000", "--epochs", "2", "--seed", "4"];

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "digits-"))));
afterAll(() => rm(folder, { recursive: true }));

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Starts the example with files of its own; `onTraining` is called once steps are being taken. */
function start(
  name: string,
  options: readonly string[],
  onTraining: (child: ChildProcess) => void = () => {},
): Promise<Finished> {
  const files = ["--output", join(folder, `${name}.safetensors`), "--checkpoint", join(folder, `${name}.checkpoint`)]; // prettier-ignore
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "examples/digits/main.ts", ...options, ...files],
    { cwd: root },
  );
  let output = "";
  let isTraining = false;
  const listen = (chunk: Buffer): void => {
    output += String(chunk);
    if (isTraining || !output.includes("training on")) return;
    isTraining = true;
    onTraining(child);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

const weights = (name: string): Promise<Buffer> => readFile(join(folder, `${name}.safetensors`));

const interruptAfter = (milliseconds: number) => (child: ChildProcess) =>
  void setTimeout(() => child.kill("SIGINT"), milliseconds);

/** Epoch and step of a checkpoint. */
async function position(name: string): Promise<{ epoch: number; batch: number }> {
  const { metadata } = await loadSafetensors(join(folder, `${name}.checkpoint`), {
    device: "reference",
  });
  return JSON.parse(metadata["flambeau"]!).progress;
}

describe.runIf(process.env["FLAMBEAU_LANE"] !== "fast")("the digits example", () => {
  test("an interrupted run, resumed, ends with the weights of an uninterrupted one", async () => {
    const whole = await start("whole", [...small, "--threads", "2"]);
    expect(whole.code, whole.output).toBe(0);
    expect(whole.output.trimEnd().split("\n").at(-1)).toMatch(/^test accuracy: 0\.\d{4}$/);

    for (const threads of ["1", "2"]) {
      const name = `cut-${threads}`;
      const cut = await start(name, [...small, "--threads", threads], interruptAfter(250));
      expect(cut.code, cut.output).toBe(130);
      expect(cut.output).toContain("npm start -- --resume");
      expect(existsSync(join(folder, `${name}.safetensors`))).toBe(false);
      const { epoch, batch } = await position(name);
      expect(batch).toBeGreaterThan(0);
      expect(epoch * 32 + batch).toBeLessThan(63);
      const resumed = await start(name, ["--resume", "--threads", threads]);
      expect(resumed.code, resumed.output).toBe(0);
      expect((await weights(name)).equals(await weights("whole"))).toBe(true);
    }
    expect((await readdir(folder)).filter((file) => file.endsWith(".tmp"))).toEqual([]);
  }, 300_000);

  test("reads 98.5% of the test images after two epochs", async () => {
    const { code, output } = await start("full", []);
    expect(code, output).toBe(0);
    const [, accuracy] = /test accuracy: (\S+)/.exec(output)!;
    expect(Number(accuracy)).toBeGreaterThanOrEqual(0.985);
  }, 300_000);

  test("a second Ctrl-C quits at once", async () => {
    const twice = (child: ChildProcess): void => {
      interruptAfter(200)(child);
      interruptAfter(560)(child);
    };
    const { code } = await start("twice", [...small, "--batch-size", "2000"], twice);
    expect(code).toBe(130);
  }, 60_000);

  test("a checkpoint that is not there is named", async () => {
    const { code, output } = await start("never", ["--resume"]);
    expect(code).toBe(1);
    expect(output).toMatch(/never\.checkpoint: no such file/);
  });
});
