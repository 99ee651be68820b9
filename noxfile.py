"""Sessions for development; ``nox -l`` lists them. A Python that is not installed is skipped."""

from __future__ import annotations

from pathlib import Path

import nox

SOURCES = ["src", "tests", "examples", "benchmarks", "docs", "noxfile.py"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# Programs that use the package in earnest; their tests are in tests/contract/real.
CLIENTS = [
    "boto3",
    "cachecontrol",
    "docker",
    "opentelemetry-instrumentation-urllib3",
    "requests",
    "requests-toolbelt",
    "responses",
    "sentry-sdk",
    "vcrpy",
]

nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests", "docs", "build"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The whole suite, in parallel, with coverage."""
    session.install("-e", ".[test]")
    session.env["COVERAGE_FILE"] = f"{session.create_tmp()}/coverage"
    session.run("coverage", "run", "-m", "pytest", "-n", "auto", "-q", *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


@nox.session
def clients(session: nox.Session) -> None:
    """The contract tests with the real client programs."""
    session.install(*CLIENTS)
    session.install("-e", ".[test]")  # last, so that ours replaces the urllib3 they brought
    session.run("pytest", "-q", "tests/contract", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and likely bugs."""
    session.install("ruff>=0.8")
    session.run("ruff", "check", *SOURCES)
    session.run("ruff", "format", "--check", *SOURCES)


@nox.session
def types(session: nox.Session) -> None:
    """Strict types."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The examples run, the links lead somewhere, the tables agree with the code."""
    session.install("-e", ".[test]")
    session.run("pytest", "-q", "tests/package/test_docs.py", "tests/shape/test_docs.py")


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
