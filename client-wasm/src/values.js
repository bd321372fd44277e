// Untyped values read for Rust: what each field holds, or nothing. Nothing here throws.

const encoder = new TextEncoder();

/** @param {any} value @param {string} name */
export function field(value, name) {
  try {
    return value[name];
  } catch {
    return undefined; // of nothing, or by an accessor
  }
}

/** A field that is a string, in UTF-8; nothing for any other. @param {unknown} value @param {string} name */
export function text(value, name) {
  const text = field(value, name);
  return typeof text === "string" ? encoder.encode(text) : undefined;
}

/** A field that is an object, as JSON in UTF-8. @param {unknown} value @param {string} name */
export function json(value, name) {
  const object = field(value, name);
  try {
    return object && typeof object === "object" ? encoder.encode(JSON.stringify(object)) : undefined;
  } catch {
    return undefined; // nested deeper than the engine goes
  }
}

/** A field that is a number, or true, which is 1; not a number for any other. @param {unknown} value @param {string} name */
export function number(value, name) {
  const number = field(value, name);
  return typeof number === "number" ? number : number === true ? 1 : NaN;
}
