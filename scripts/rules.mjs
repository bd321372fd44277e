// The boundary rules of the tree, kept by a machine: which file may name what. `npm run check` runs them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./lib/paths.mjs";
import { isScript, say } from "./lib/say.mjs";

const CODE = /\.(rs|ts|mjs|js)$/;
const TEXT = /\.(rs|ts|mjs|js|html|css|md|toml|json|ya?ml|sh)$|(^|\/)run$/;

/** Each rule: the files it reads, the files excepted, what it must not find there, and why. */
const RULES = [
  {
    why: "protocol takes bytes and the time as arguments: no I/O, no clock, no runtime, no browser",
    files: /^protocol\/src\/.*\.rs$/,
    never: /\b(tokio|futures|web_sys|js_sys|wasm_bindgen|getrandom|Instant|SystemTime)\b|\bstd::(net|fs|thread|process|io|time::(Instant|SystemTime))\b/,
  },
  {
    why: "the WebRTC stack is named only in server/src/transport/webrtc, and by the native client of the tests",
    files: /^(server|tests|protocol|client-wasm)\/.*\.rs$/,
    except: /^server\/src\/transport\/webrtc|^tests\/src\/native/,
    never: /(^|[^\w:])(::)?(webrtc|rtc)::/,
  },
  {
    why: "RtcPeerConnection is named only in client-wasm/src/transport/webrtc, by its constructor in npm/src/transports.ts, by what makes libraries fit, by the test kit, and by the doctor, which works without the module",
    files: /^client-wasm\/(src|npm\/src)\/.*\.(rs|ts|js)$/,
    except: /^client-wasm\/src\/transport\/webrtc|^client-wasm\/npm\/src\/(doctor\/peer|node|transports|testing\/\w+)\.ts$/,
    never: /\bR[Tt][Cc]PeerConnection\b/,
  },
  {
    why: "a WebSocket is used only in client-wasm/src/transport/websocket, made in npm/src/transports.ts, and both by the test kit and the doctor",
    files: /^client-wasm\/(src|npm\/src)\/.*\.(rs|ts|js)$/,
    except: /^client-wasm\/src\/transport\/websocket|^client-wasm\/npm\/src\/(doctor\/websocket|transports|testing\/\w+)\.ts$/,
    never: /\bweb_sys::.*\bWebSocket\b|\bnew \(?.*\bWebSocket\b/,
  },
  {
    why: "the extension's API is named only in npm/src/extension/chrome.ts",
    files: /^client-wasm\/npm\/src\/.*\.ts$/,
    except: /^client-wasm\/npm\/src\/extension\/chrome\.ts$/,
    never: /\bchrome\??\.(?!js\b)\w|\bbrowser\.runtime\b/,
  },
  {
    why: "untyped JavaScript is touched only in client-wasm/src/js.rs",
    files: /^client-wasm\/src\/.*\.rs$/,
    except: /^client-wasm\/src\/js\.rs$/,
    never: /\bReflect\b|\bdyn_(into|ref)\b|\bunchecked_into\b/,
  },
  {
    why: "arrows point one way: a service never sees a channel, a transport sees neither sessions nor HTTP",
    files: /^server\/src\/(transport|service|backend)\b.*\.rs$/,
    never: /\bcrate::(http|signaling|sessions|driver)\b/,
  },
  {
    why: "the database is named only in server/src/store",
    files: /^server\/src\/.*\.rs$/,
    except: /^server\/src\/store\//,
    never: /\brusqlite::/,
  },
  {
    why: "arrows point one way: the store knows no actions, models or sessions",
    files: /^server\/src\/store\/.*\.rs$/,
    never: /\bcrate::|\btabagent_protocol::/,
  },
  {
    why: "arrows point one way: what is said of actions, in any format, knows neither services nor ways in",
    files: /^server\/src\/(api|openai)\b.*\.rs$/,
    never: /\bcrate::(http|signaling|sessions|service|transport|backend|store)\b/,
  },
  {
    why: "arrows point one way: signaling and sessions do not know HTTP",
    files: /^server\/src\/(signaling|sessions)\b.*\.rs$/,
    never: /\bcrate::http\b|\baxum::/,
  },
  {
    why: "nothing is unbounded: a queue has a bound, and what happens there is written beside it",
    files: /^(protocol|client-wasm|server)\/src\/.*\.rs$/,
    never: /\bunbounded(_channel)?\b/,
  },
  {
    why: "no path of one person's machine",
    files: TEXT,
    never: /(?<![\w.~$}\]-])\/(work|root|home\/\w+|Users\/\w+)\/\w/,
    prose: true,
  },
];

/** Nothing that a build writes is tracked. */
const BUILT = /(^|\/)(target|node_modules|dist|pkg)\/|^www\/client\/|^client-wasm\/npm\/src\/wasm\/|\.wasm$/;

/**
 * What is wrong with a set of files, one line each.
 * @param {string[]} paths relative to the root, with forward slashes @param {(path: string) => string} read
 */
export function violations(paths, read) {
  const built = paths.filter((path) => BUILT.test(path)).map((path) => `${path}: a build output is tracked by git`);
  return [...built, ...paths.filter((path) => TEXT.test(path) && !BUILT.test(path)).flatMap((path) => inFile(path, read(path)))];
}

function inFile(path, text) {
  const lines = ownModules(path, text).split("\n");
  const found = CODE.test(path) && !opensWithItsJob(path, lines) ? [`${path}:1: the file does not open with a comment that names its job`] : [];
  for (const { files, except, never, why, prose } of RULES) {
    if (!files.test(path) || except?.test(path)) continue;
    lines.forEach((line, index) => never.test(prose ? line : withoutComment(line)) && found.push(`${path}:${index + 1}: ${why}`));
  }
  return found;
}

/** In a file that says `mod webrtc;`, `webrtc::` is that module, and no crate of the same name. */
function ownModules(path, text) {
  if (!path.endsWith(".rs")) return text;
  const names = [...text.matchAll(/^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);/gm)].map(([, name]) => name);
  return names.reduce((plain, name) => plain.replace(new RegExp(`(?<![\\w:])${name}::`, "g"), `self::${name}::`), text);
}

/** `//!` in Rust; a comment in JavaScript, behind an interpreter line where there is one. */
function opensWithItsJob(path, lines) {
  const [first] = lines[0].startsWith("#!/") ? lines.slice(1) : lines;
  return path.endsWith(".rs") ? first.startsWith("//!") : /^\/[/*]/.test(first);
}

/** A comment may speak of what the code must not use. */
const withoutComment = (line) => line.replace(/^\s*(\/\*\*|\*)\s.*$|(^|\s)\/\/.*$/, "");

/** All violations of the tree as git sees it: what is tracked, and what is new and not ignored. */
export function check() {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], { cwd: ROOT, encoding: "utf8" });
  const deleted = new Set(execFileSync("git", ["ls-files", "-z", "--deleted"], { cwd: ROOT, encoding: "utf8" }).split("\0"));
  const paths = listed.split("\0").filter((path) => path !== "" && !deleted.has(path));
  return violations(paths, (path) => readFileSync(join(ROOT, path), "utf8"));
}

if (isScript(import.meta.url)) {
  const found = check();
  found.forEach((line) => say(line));
  process.exitCode = found.length > 0 ? 1 : 0;
}
