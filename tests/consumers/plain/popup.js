// Asks for an answer, and shows it as it comes.
import { connect } from "./tabagent/extension.js";

const agent = await connect();
const stream = agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5" }] });
let text = `${agent.transport}:`;
for await (const { delta } of stream) text += delta;
document.querySelector("output").textContent = text;
