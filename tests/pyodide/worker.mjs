import { loadPyodide } from "/files/pyodide/pyodide.mjs";
import { prepare, reporting, run } from "/files/bench/bench.mjs";

self.onmessage = ({ data: site }) =>
  reporting(site, async () => {
    const pyodide = await prepare(loadPyodide, `${site.url}/files/pyodide/`, site);
    await pyodide.runPythonAsync(`
import urllib3.contrib.emscripten.fetch as fetch
assert await fetch.wait_for_streaming_ready()
`);
    await run(pyodide, "worker", site, { suspending: false });
  });
