// What a module is made of: the rooms of the tree that its instructions come from.

/** Rooms by what the names of their functions hold; the first that fits counts. What was taken into a caller counts as the caller's. */
const ROOMS = [
  ["protocol: endpoint, calls, lanes", /tabagent_protocol(\[\w+\])?::(endpoint|call|lane|congestion|assembler)|tabagent_protocol::endpoint/],
  ["protocol: packets and frames", /tabagent_protocol(\[\w+\])?::(frame|packet|wire)/],
  ["protocol: codes and sentences", /tabagent_protocol/],
  ["client: what JavaScript sees", /tabagent_client(\[\w+\])?::(exports|js|options)|^session_/],
  ["client: driver and ladder", /tabagent_client/],
  ["wasm-bindgen and the allocator", /wasm_bindgen|js_sys|externref|rlsf|__rust_|__rdl/],
  ["collections, text, drops", /./],
];

/**
 * The share of each room in the instructions, together 1.
 * @param {string} text of a module whose functions have their names
 * @returns {[room: string, share: number][]}
 */
export function parts(text) {
  const counts = new Map(ROOMS.map(([room]) => [room, 0]));
  let room;
  let all = 0;
  for (const line of text.split("\n")) {
    const name = /^ \(func (\$"[^"]*"|\S+)/.exec(line)?.[1];
    if (name) [room] = ROOMS.find(([, fits]) => fits.test(name.replace(/^\$"?/, "")));
    else if (!line.startsWith("  ")) room = undefined;
    if (!room) continue;
    counts.set(room, counts.get(room) + 1);
    all += 1;
  }
  return [...counts].map(([name, count]) => [name, count / all]);
}
