// What every benchmark does with its samples, and how long it may take: `--quick` is for a look, not for a figure.

export const quick = process.argv.includes("--quick");

/** The value below which a part of the samples lies. */
export const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
export const median = (values) => quantile(values, 0.5);

/** One line for some milliseconds. `parts` are quantiles. */
export function row(name, values, parts = [0.5, 0.95]) {
  const at = parts.map((q) => `${q === 0.5 ? "median" : `p${q * 100}`} ${quantile(values, q).toFixed(1).padStart(7)} ms`);
  console.log(`${name.padEnd(44)} ${at.join("   ")}   n ${values.length}`);
}

/** One line for an aim, which is met or not; the last line of a benchmark that was not decides how it ends. */
export function aim(name, value, text, met) {
  console.log(`${name} ${value} (${text})${met ? "" : "  MISSED"}`);
  if (!met) process.exitCode = 1;
}
