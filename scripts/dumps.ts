// `npm run dumps`: rewrites the dumps of ARCHITECTURE.md by running y = relu(x·w + b). With --check it
// only says whether they are fresh.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Parameter,
  noGrad,
  registerBackend,
  relu,
  setDefaultDevice,
  tensor,
  trace,
} from "@flambeau/core";
import { type Kernel, showKernel } from "@flambeau/core/extension";
import { createReferenceBackend } from "@flambeau/core/reference";
import { createWasmBackend, emittedModules } from "@flambeau/backend-wasm";
import { root } from "./run.ts";

/** Runs `body` on a device that notes the kernels it is given. */
function kernelsOf(body: () => void): Kernel[] {
  const kernels: Kernel[] = [];
  const name = `notes ${Math.random()}`;
  registerBackend(name, () => {
    const backend = createReferenceBackend();
    return {
      ...backend,
      name,
      compile(kernel) {
        kernels.push(kernel);
        return backend.compile(kernel);
      },
    };
  });
  setDefaultDevice(name);
  body();
  setDefaultDevice("reference");
  return kernels;
}

const example = () => ({
  x: tensor([[1, -2, 3], [4, 5, -6]]),
  w: new Parameter(tensor([[1, 2], [3, 4], [5, 6]])),
  b: new Parameter(tensor([0.5, -0.5])),
}); // prettier-ignore

function graphDump(): string {
  setDefaultDevice("reference");
  const { x, w, b } = example();
  const step = trace(
    (input: typeof x) => {
      const y = relu(input.matmul(w).add(b)).sum();
      w.grad = undefined;
      b.grad = undefined;
      y.backward();
      noGrad(() => w.assign(w.sub(w.grad!.mul(0.1))));
      return y;
    },
    { name: "step" },
  );
  step(x);
  return String(step);
}

function kernelDump(): string {
  const kernels = kernelsOf(() => {
    const { x, w, b } = example();
    noGrad(() => relu(x.matmul(w).add(b)));
    noGrad(() => x.at(null, null).conv2d(tensor([[[[1, 2], [3, 4]]]]), undefined, { padding: 1 })); // prettier-ignore
    noGrad(() => x.softmax(1));
  });
  const titles = ["matmul", "add", "relu", "a convolution with padding", "softmax"];
  const wanted = kernels.filter((kernel) => kernel.kind !== "map" || kernel.loads.length > 0);
  return wanted.slice(0, titles.length).map((kernel, i) => `${titles[i]}:\n${showKernel(kernel)}`).join("\n\n"); // prettier-ignore
}

function wasmDump(): string {
  registerBackend("one thread", () => createWasmBackend({ threads: 1 }));
  setDefaultDevice("one thread");
  const { x, w, b } = example();
  const before = emittedModules().length;
  noGrad(() => relu(x.matmul(w).add(b)));
  const lines = emittedModules().slice(before).map(({ key, bytes }) => `${bytes} bytes: ${key}`); // prettier-ignore
  return lines.join("\n");
}

const dumps: Record<string, () => string> = {
  graph: graphDump,
  kernels: kernelDump,
  wasm: wasmDump,
};

const path = join(root, "ARCHITECTURE.md");
const text = readFileSync(path, "utf8");
const fresh = text.replace(/<!-- dump:(\w+) -->[^]*?<!-- end -->/g, (_, name: string) => {
  return `<!-- dump:${name} -->\n\`\`\`\n${dumps[name]!()}\n\`\`\`\n<!-- end -->`;
});
if (process.argv.includes("--check")) {
  if (fresh !== text) {
    console.log("ARCHITECTURE.md has stale dumps: run `npm run dumps`.");
    process.exitCode = 1;
  }
} else writeFileSync(path, fresh);
