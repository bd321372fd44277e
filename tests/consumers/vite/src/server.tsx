// The same on a server: prints what its page is before anything is connected.
import { renderToString } from "react-dom/server";

import { App } from "./app";

console.log(renderToString(<App source="http://127.0.0.1:9000" />));
