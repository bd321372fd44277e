// The examples of a readme as modules: what they take for granted is declared in a comment before them, which readers of the page do not see.

/** `js`, with `<!-- given: … -->` before it where the example uses what it does not make. What is marked as a test is run elsewhere. */
const EXAMPLE = /(?:<!-- given:(.*?)-->\n)?^```(js|ts|tsx)\n([^]*?)^```/gm;

/** Each example: a name that says its line, and its text as a TypeScript module. */
export function examples(readme) {
  return [...readme.matchAll(EXAMPLE)].map(({ 1: given = "", 2: language, 3: source, index }) => {
    const line = readme.slice(0, index).split("\n").length;
    return { name: `line-${line}.${language === "tsx" ? "tsx" : "ts"}`, source: `${given}\n${source}\nexport {};\n` };
  });
}
