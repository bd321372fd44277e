// Shows the answer.
import { count } from "./count";

document.querySelector("output")!.textContent = await count();
