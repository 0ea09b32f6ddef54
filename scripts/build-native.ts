// `npm run build:native`: builds the native engine where a C++ compiler is there. `npm start` and `npm test`
// call it with --optional: then a failure is one line, and WebAssembly serves.
import { Command } from "commander";
import { buildEngine } from "./native/build.ts";

const program = new Command("build:native")
  .description("Builds the native CPU engine (C++17); cached by the hash of its sources.")
  .option("--optional", "say one line and succeed where it cannot be built")
  .option("--force", "link again even if the result exists")
  .option("--verbose", "print each step and all that the compiler says")
  .parse();
const { optional, force, verbose } = program.opts<{
  optional?: boolean;
  force?: boolean;
  verbose?: boolean;
}>();

// Who asks for another backend needs no engine.
const other = process.env["FLAMBEAU_BACKEND"];
if (!optional || other === undefined || other === "" || other === "native") {
  const start = performance.now();
  let told = false;
  const result = await buildEngine({
    force: force ?? false,
    report(line) {
      if (verbose) console.log(line);
      else if (!told) console.log("native engine: building (once; about a minute) …");
      told = true;
    },
  });
  if ("path" in result) {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (result.fresh) console.log(`native engine: built in ${seconds} s`);
    else if (!optional) console.log("native engine: up to date");
  } else {
    console.log(
      `native engine: not built, ${result.reason}. Flambeau runs on WebAssembly instead (several times ` +
        `slower); install g++ or clang++ and run \`npm run build:native\` to change that.`,
    );
    if (verbose && result.detail !== "") console.log(result.detail);
    if (!optional) process.exitCode = 1;
  }
}
