// Makes the module's glue a function: each instance of the module has a scope of its own, so that nothing that is left of a crashed one
// (closures, finalizers, objects) ever touches the next.

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
  const imports = names("function").filter((name) => !OFFERED.test(name));
  const values = names("const");
  const offered = ["begin", ...names("class"), ...values];
  const inside = code.replace(/^export /gm, "");
  return {
    scope: `function glue() {\n${inside}\nreturn { ${offered}, imports: { ${imports} } };\n}\n`,
    exports: `export{glue};export const first=glue(),{${values}}=first,{${imports}}=first.imports;\n`,
  };
}
