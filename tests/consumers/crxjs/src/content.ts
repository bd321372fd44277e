// Shows the answer in whatever page it runs in.
import { count } from "./count";

const output = document.body.appendChild(document.createElement("output"));
count().then(
  (text) => (output.textContent = text),
  (error) => (output.textContent = String(error)),
);
