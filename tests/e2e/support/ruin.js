// Holds on to every instance of WebAssembly that the page makes, so that a test can ruin it. Served to pages under test as /ruin.js; loaded before
// the SDK.

/** The newest last. */
export const instances = [];

const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const made = await instantiate(...args);
  instances.push(made);
  return made;
};

/** Overwrites the memory of the newest instance: whatever it does next, it reads an address that is none, and traps. */
export function ruin() {
  for (const each of Object.values(instances.at(-1).exports)) if (each instanceof WebAssembly.Memory) new Uint8Array(each.buffer).fill(0x7f);
}
