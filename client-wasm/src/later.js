// Callbacks that are called in a while. Those of Rust are all of one type, so they are given numbers, though they mean nothing here.

/** @typedef {(happened: number, number: number) => void} Then */

/** When the current task is done, before the next one. @param {Then} then */
export const soon = (then) => queueMicrotask(() => then(0, 0));

/** After so many milliseconds. @param {Then} then @param {number} ms */
export const later = (then, ms) => setTimeout(then, ms, 0, 0);
