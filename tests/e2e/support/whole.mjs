// What a stream that was followed must be: whole, by both ledgers.
import assert from "node:assert/strict";

/** Neither lost nor repeated nor out of order: what was read is what was sent, and it was carried out once. */
export function assertWhole({ lane, count, wrong, same, items, times }) {
  assert.equal(wrong, undefined, `the ${lane} lane`);
  assert.equal(count, items, `items in the ${lane} lane`);
  assert.ok(same, `both ledgers of the ${lane} lane end alike`);
  assert.equal(times, 1, `the call in the ${lane} lane was carried out once`);
}
