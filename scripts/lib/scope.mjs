// Makes the module's glue a function: each instance of the module has a scope of its own, so that nothing that is left of a crashed one
// (closures, finalizers, objects) ever touches the next.

/** An exported function: its name, and what follows. It ends with its line, or with a line that begins as it ends. */
const FUNCTION = /^export function ([$\w]+)(\(.*\) \{(?:.*\}|.*\n[^]*?^\}.*))$/gm;

/** Exported functions that are no imports of the module: what the glue offers besides. */
const OFFERED = /^(begin|__wbg_set_wasm)$/;

/**
 * Two pieces of code: a function `glue` that makes a scope, and exports. The first scope is there for bundlers: they load the module
 * themselves, and look for its imports among the exports of this file.
 *
 * @param {string} code an ES module, as `slim` leaves it
 */
export function scoped(code) {
  const names = (kind) => [...code.matchAll(new RegExp(`^export ${kind} ([$\\w]+)`, "gm"))].map(([, name]) => name);
  const imports = [...code.matchAll(FUNCTION)].filter(([, name]) => !OFFERED.test(name));
  const values = names("const");
  const offered = ["begin", ...names("class"), ...values];
  const inside = code.replace(FUNCTION, (text, name) => (OFFERED.test(name) ? text : "")).replace(/^export /gm, "");
  // As methods: a function of its own name would be named twice.
  const methods = imports.map(([, name, rest]) => name + rest).join(",\n");
  return {
    scope: `function glue() {\n${inside}\nreturn { ${offered}, imports: {\n${methods}\n} };\n}\n`,
    exports: `export{glue};export const first=glue(),${values.length > 0 ? `{${values}}=first,` : ""}{${imports.map(([, name]) => name)}}=first.imports;\n`,
  };
}
