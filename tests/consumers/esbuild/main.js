// Asks for an answer, and shows it.
import { connect } from "@tabagent/client";

const agent = await connect(location.origin, { strict: true });
const stream = agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5" }] });
let text = `${agent.transport}:`;
for await (const { delta } of stream) text += delta;
document.querySelector("output").textContent = text;
