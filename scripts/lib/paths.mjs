// Where things are in this tree, and the names of its parts: every other script takes them from here.
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
export const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");

export const WASM_TARGET = "wasm32-unknown-unknown";
export const CLIENT_CRATE = "tabagent-client";
/** The server's half of the protocol, for the package's test kit. */
export const TESTING_CRATE = "tabagent-testing";
export const SERVER = join(TARGET, "debug", "tabagent-server");
export const SERVER_RELEASE = join(TARGET, "release", "tabagent-server");

/** The crates of the native side. Always selected together, so that cargo unifies their features one way and compiles each dependency once. */
export const NATIVE = ["-p", "tabagent-protocol", "-p", "tabagent-server", "-p", "tabagent-tests"];

/** The npm package `@tabagent/client`: `src/wasm` and `dist` are built, the rest is source. */
export const PACKAGE = join(ROOT, "client-wasm", "npm");
export const PACKAGE_SRC = join(PACKAGE, "src");
export const GLUE = join(PACKAGE_SRC, "wasm");
export const DIST = join(PACKAGE, "dist");

/** The test page, and the copy of the SDK that it loads from `/client/`. */
export const WWW = join(ROOT, "www");
export const WWW_CLIENT = join(WWW, "client");

/** A tool of the wasm toolchain (`wbg`, `wasm-bindgen-test-runner`), built by the workspace itself. */
export const wasmTool = (name) => join(TARGET, "tools", name);

/** A command of an npm package. */
export const npmTool = (name) => join(ROOT, "node_modules", ".bin", name);
