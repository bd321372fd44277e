// What this browser, and the page's own policy, let the client use.

import { type Findings, text } from "./findings.js";

/** The smallest module there is: enough to see whether one may be compiled. */
const MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

/** Whether the client's module could run. */
export function webassembly(findings: Findings): boolean {
  if (typeof WebAssembly === "undefined") {
    return findings.bad("webassembly", {
      code: "no_webassembly",
      message: "This browser has no WebAssembly, of which the client is made.",
      advice: "Update the browser, or switch WebAssembly on where a policy or a hardened mode has switched it off.",
    });
  }
  try {
    new WebAssembly.Module(MODULE);
  } catch (thrown) {
    return findings.bad("webassembly", {
      code: "wasm_blocked",
      message: `The page's Content-Security-Policy forbids WebAssembly (${text(thrown)}).`,
      advice: "Add 'wasm-unsafe-eval' to the policy's script-src; in an extension, to `content_security_policy.extension_pages`.",
    });
  }
  return findings.good("webassembly", "WebAssembly can be used.");
}

/** Whether data channels could be made. */
export function webrtc(findings: Findings, possible: boolean): boolean {
  if (possible) return findings.good("webrtc", "WebRTC can be used.");
  const worker = typeof document === "undefined";
  return findings.bad("webrtc", {
    code: "no_webrtc",
    message: worker ? "There is no WebRTC in a worker." : "This browser has no WebRTC, or it is switched off.",
    advice: worker
      ? "Connect from a page; in an extension, from an offscreen document or an extension page instead of the service worker."
      : "Look for a policy or a privacy extension that switches WebRTC off, or use another browser.",
  });
}
