"""Benches: a site on loopback, a wheel of the tree, and a runtime that has Pyodide in it.

What they need, and how each says that it is missing, is in README.md.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.pyodide.server import Site

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
PATIENCE = 120  # seconds for one runtime to load Pyodide and run all its cases


@pytest.fixture(scope="session")
def pyodide_folder() -> Path:
    """The npm package, from ``WIREPOOL_PYODIDE`` or a ``node_modules`` near the repository."""
    places = [Path(parent) / "node_modules/pyodide" for parent in (ROOT, *ROOT.parents)]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    places.append(Path(cache) / "wirepool/node_modules/pyodide")
    if named := os.environ.get("WIREPOOL_PYODIDE"):
        places = [Path(named), Path(named) / "node_modules/pyodide"]
    for place in places:
        if (place / "pyodide.mjs").is_file():
            return place
    pytest.skip("the npm package pyodide is missing (set WIREPOOL_PYODIDE to its folder)")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the tree builds."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        pytest.skip(f"no wheel can be built here: {built.stderr.strip()[-300:]}")
    return wheels[0]


@pytest.fixture(scope="session")
def site(pyodide_folder, wheel):
    site = Site({"pyodide": pyodide_folder, "wheel": wheel.parent, "bench": HERE})
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="session")
def described(site, wheel):
    """The site as the benches are told of it, with an address that refuses connections."""
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{bound_but_not_listening.getsockname()[1]}/"
        yield json.dumps({"url": site.url, "refused": refused, "wheel": wheel.name})


def outcomes(site: Site, command: list[object], environments: set[str], log: Path):
    """Start *command* and collect what it reports: environment -> case -> "" or a traceback."""
    found: dict[str, dict[str, str]] = {}
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            deadline = time.monotonic() + PATIENCE
            while environments - found.keys() and time.monotonic() < deadline:
                try:
                    report = site.reports.get(timeout=0.2)
                except queue.Empty:
                    if process.poll() is not None and site.reports.empty():
                        break
                    continue
                if "crash" in report:
                    pytest.fail(f"the bench crashed: {report['crash']}")
                found[report["environment"]] = report["outcomes"]
        finally:
            process.kill()
            process.wait()
    if missing := environments - found.keys():
        pytest.fail(f"no report of {missing}; the bench said: {log.read_text()[-3000:]}")
    return found


@pytest.fixture(scope="session")
def node(site, described, pyodide_folder, tmp_path_factory):
    """The outcomes in Node.js."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is missing")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    major = int(version.stdout.lstrip("v").partition(".")[0])
    if major < 20:
        pytest.skip(f"Node.js {major} is too old for WebAssembly promise integration")
    flags = ["--experimental-wasm-stack-switching"] if major < 24 else []
    command = [program, *flags, HERE / "node.mjs", pyodide_folder, described]
    log = tmp_path_factory.mktemp("node") / "log"
    return outcomes(site, command, {"node", "node-sync"}, log)


@pytest.fixture(scope="session")
def chromium(site, described, tmp_path_factory):
    """The outcomes in headless Chromium."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("Chromium is missing")
    home = tmp_path_factory.mktemp("chromium")
    page = f"{site.url}/files/bench/page.html#{quote(described)}"
    command = [
        program, *CHROMIUM_FLAGS, f"--user-data-dir={home}/profile", "--enable-logging=stderr", page
    ]  # fmt: skip
    return outcomes(site, command, {"page", "page-async", "worker"}, home / "log")
