// node node.mjs FOLDER-OF-PYODIDE SITE-AS-JSON

import { pathToFileURL } from "node:url";
import { prepare, reporting, run } from "./bench.mjs";

const [folder, json] = process.argv.slice(2);
const site = JSON.parse(json);
await reporting(site, async () => {
  const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
  const pyodide = await prepare(loadPyodide, folder, site);
  await run(pyodide, "node", site, { suspending: true });
  await run(pyodide, "node-sync", site, { suspending: false });
});
process.exit(0); // connections that never got an answer would keep the process alive
