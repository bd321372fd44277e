// Programs that come from PyPI, which only the tests need: in an environment of their own below `target/tools`, at pinned versions.
import { rmSync } from "node:fs";
import { join } from "node:path";

import { run } from "./children.mjs";
import { whenChanged } from "./fresh.mjs";
import { ROOT, TARGET } from "./paths.mjs";
import { Stop, failed, step } from "./say.mjs";
import { advice, installPackages } from "./system.mjs";

const PACKAGES = ["python3", "python3-venv"];
/** Asks for what an environment is made with: Debian has it in a package of its own. */
const HAS_VENV = ["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"];

/** Looks for a Python that can make environments, or installs one. */
export async function python() {
  if (await works()) return;
  if ((await installPackages("Python, for the tests", PACKAGES, "install Python 3.10 or newer")) && (await works())) return;
  throw new Stop(`Python 3.10 or newer with venv is missing: ${advice(PACKAGES, "brew install python", "python3 and its venv")}, then run the same command again.`);
}

/** The programs of a list of requirements, installed when absent or when the list changed. Answers the path of one by its name. */
export async function pythonTools(name, requirements) {
  const home = join(TARGET, "tools", name);
  const program = (command) => join(home, "bin", command);
  await whenChanged(`python-${name}`, { inputs: [join(ROOT, requirements)], outputs: [program("python")] }, async () => {
    await python();
    rmSync(home, { recursive: true, force: true });
    const made = await run("python3", ["-m", "venv", home]);
    if (!made.ok) throw failed("`python3 -m venv` failed.", made.output);
    // No package is compiled here: all of them are there as wheels.
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "-r", requirements];
    const installed = await step(`${name}, from PyPI`, () => run(program("python"), pip));
    if (!installed.ok) throw failed(`\`pip install -r ${requirements}\` failed.`, installed.output);
  });
  return program;
}

const works = () => run("python3", HAS_VENV).then(({ ok }) => ok, () => false);
