// What an extension must have for the bridge to work, each missing part named.

import { TabagentError } from "../errors.js";
import type { Manifest } from "./chrome.js";

/** The first Chrome with all that the bridge uses: `runtime.getContexts` came last. A manifest says the same as `minimum_chrome_version`. */
export const MINIMUM_CHROME = 116;

/** @internal Throws what is missing, all of it at once. @throws {@link TabagentError}: `not_supported`, the parts in `details.missing`. */
export function require(manifest: Manifest | undefined, chromeVersion: number): void {
  const missing = manifest ? lacks(manifest, chromeVersion) : ["an extension: this context is part of none, or of one that was reloaded or has crashed"];
  if (missing.length > 0) throw new TabagentError({ code: "not_supported", status: 501, message: `the extension lacks ${missing.join("; and ")}`, details: { missing } });
}

function lacks({ permissions, background, content_security_policy: policy }: Manifest, chromeVersion: number): string[] {
  const missing = [];
  if (chromeVersion > 0 && chromeVersion < MINIMUM_CHROME) missing.push(`Chrome ${MINIMUM_CHROME} or later (this is ${chromeVersion})`);
  if (!permissions?.includes("offscreen")) missing.push('the permission "offscreen" in manifest.json');
  if (!background?.service_worker) missing.push('"background": { "service_worker": … } in manifest.json');
  if (!policy?.extension_pages?.includes("'wasm-unsafe-eval'")) {
    missing.push(`"content_security_policy": { "extension_pages": "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" } in manifest.json`);
  }
  return missing;
}
