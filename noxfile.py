"""Sessions for development; ``nox -l`` lists them. A Python that is not installed is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import nox

SOURCES = ["src", "tests", "examples", "benchmarks", "docs", "noxfile.py"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
# pyenv's own `python3.12` answers only while that version is the chosen one: look behind it.
PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
os.environ["PATH"] = os.pathsep.join([*map(str, PYENV.glob("3.*/bin")), os.environ["PATH"]])
# Programs that use the package in earnest; their tests are in tests/contract/real.
CLIENTS = [
    "aws-xray-sdk",
    "boto3",
    "cachecontrol",
    "ddtrace",
    "docker",
    "elastic-apm",
    "eventlet",
    "gevent",
    "httpretty",
    "newrelic",
    "opentelemetry-instrumentation-requests",
    "opentelemetry-instrumentation-urllib3",
    "opentelemetry-sdk",
    "requests",
    "requests-toolbelt",
    "responses",
    "sentry-sdk",
    "vcrpy",
]

nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"
nox.options.sessions = ["lint", "types", "api", "tests", "docs", "build"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The whole suite, in parallel."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", "-q", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The whole suite, and which lines it does not reach."""
    session.install("-e", ".[test]")
    session.env["COVERAGE_FILE"] = f"{session.create_tmp()}/coverage"
    session.run("coverage", "run", "-m", "pytest", "-n", "auto", "-q", *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


@nox.session
def clients(session: nox.Session) -> None:
    """The contract tests with the real client programs, and leases under gevent and eventlet."""
    session.install(*CLIENTS)
    session.install("-e", ".[test]")  # last, so that ours replaces the urllib3 they brought
    session.run("pytest", "-q", "tests/contract", "tests/pool/test_queue.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and likely bugs."""
    session.install("ruff>=0.8")
    session.run("ruff", "check", *SOURCES)
    session.run("ruff", "format", "--check", *SOURCES)


@nox.session
def types(session: nox.Session) -> None:
    """Types of the package, strictly; of the tests, as far as pyproject.toml says."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def api(session: nox.Session) -> None:
    """The names, signatures and layers of the package are those that are written down."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", "tests/shape", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The examples run, the links lead somewhere, the tables agree with the code."""
    session.install("-e", ".[test]")
    session.run(
        "python", "-m", "pytest", "-q", "tests/package/test_docs.py", "tests/shape/test_docs.py"
    )


@nox.session
def build(session: nox.Session) -> None:
    """Wheel and source archive, each installed and imported."""
    session.install("build>=1.2")
    folder = Path(session.create_tmp(), "dist").absolute()
    session.run("python", "-m", "build", "--outdir", str(folder))
    session.chdir("/")  # away from the source: what is imported is what was built
    for archive in folder.iterdir():
        session.install("--force-reinstall", str(archive))
        session.run("python", "-W", "error", "-c", "import urllib3; urllib3.PoolManager()")
