// Builds the npm package before npm packs it, so that nothing old is published. Run by npm itself: `npm pack -w @tabagent/client`
import { buildPackage } from "./lib/package.mjs";
import { main } from "./lib/say.mjs";
import { setup } from "./setup.mjs";

await main(async () => {
  await setup();
  await buildPackage();
});
