// Runs the cases of inside.py in one Pyodide and reports the outcomes to the site (server.py).
// The same for Node.js, for a page and for a worker.

const text = async (url) => (await fetch(url)).text();

export async function prepare(loadPyodide, indexURL, site) {
  const pyodide = await loadPyodide({ indexURL });
  const wheel = await (await fetch(`${site.url}/files/wheel/${site.wheel}`)).arrayBuffer();
  pyodide.unpackArchive(wheel, "wheel");
  pyodide.FS.mkdirTree("/cases");
  pyodide.FS.writeFile("/cases/inside.py", await text(`${site.url}/files/bench/inside.py`));
  pyodide.runPython("import sys; sys.path.insert(0, '/cases')");
  return pyodide;
}

export async function run(pyodide, environment, site, { suspending }) {
  const code = `
import json, inside
json.dumps(inside.run(${JSON.stringify(environment)}, ${JSON.stringify(site.url)}, ${JSON.stringify(site.refused)}))
`;
  const outcomes = suspending ? await pyodide.runPythonAsync(code) : pyodide.runPython(code);
  await report(site, { environment, outcomes: JSON.parse(outcomes) });
}

export async function report(site, body) {
  await fetch(`${site.url}/report`, { method: "POST", body: JSON.stringify(body) });
}

// Runs `steps`; whatever is thrown goes to the bench too, which would wait in vain otherwise.
export async function reporting(site, steps) {
  try {
    await steps();
  } catch (error) {
    await report(site, { crash: String(error.stack ?? error) });
  }
}
