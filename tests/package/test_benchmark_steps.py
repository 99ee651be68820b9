"""What ``benchmarks/steps.py`` switches off is off: requests are then made in another way."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import urllib3
from tests.support import benchmarks
from tests.support.answers import head, in_chunks
from tests.support.scripted import serve

COUNT = """
import sys, steps
if sys.argv[1]:
    steps.STEPS[sys.argv[1]].switch_off()
import urllib3
http = urllib3.PoolManager()
def once():
    for _ in range(2):
        http.request("PUT", sys.argv[2] + "up", body=b"x" * 2000)
    http.request("GET", sys.argv[2] + "chunked").headers
for _ in range(5):
    once()
seen = []
def note(frame, event, argument):
    if "call" in event:
        seen.append(getattr(argument, "__name__", frame.f_code.co_name))
sys.setprofile(note)
once()
sys.setprofile(None)
print(sorted(seen))
"""


@contextlib.contextmanager
def site() -> Iterator[str]:
    small = head("Content-Length: 2", "Server: test") + b"ok"
    chunked = head("Transfer-Encoding: chunked", "Server: test") + in_chunks(b"x" * 900, 300)
    with serve(handler=lambda request: chunked if "chunked" in request.line else small) as server:
        yield server.url("/")


def output_of(code: str, *arguments: str) -> str:
    """What a program prints that imports the scripts, and the package that is tested here."""
    package = Path(urllib3.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": f"{benchmarks.HERE}{os.pathsep}{package}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def calls(step: str, url: str) -> str:
    """The names of the functions that are called, each as often as it is."""
    return output_of(COUNT, step, url)


STEPS = benchmarks.load().steps.STEPS
SWITCHES = [name for name in STEPS if name not in {"nothing", "own_dict", "context_memo"}]


@pytest.mark.parametrize("step", SWITCHES)
def test_a_step_that_is_switched_off_is_taken_in_another_way(step: str) -> None:
    with site() as url:
        assert calls(step, url) not in {calls("", url), calls("nothing", url)}


def test_a_step_that_is_switched_off_builds_a_context_for_each_connection() -> None:
    code = """
import steps, sys
if sys.argv[1:]:
    steps.STEPS["context_memo"].switch_off()
from urllib3._network.tls import ContextMemo, TlsPolicy
import ssl
memo, policy = ContextMemo(), TlsPolicy(cert_reqs=ssl.CERT_NONE, assert_hostname=False)
print(memo.get(policy) is memo.get(policy))
"""
    said = [output_of(code), output_of(code, "off")]
    assert said == ["True\n", "False\n"]


@pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="there, a __dict__ that is assigned never shares its names"
)
def test_a_step_that_is_switched_off_leaves_names_of_attributes_shared() -> None:
    code = """
import steps, sys
if sys.argv[1:]:
    steps.STEPS["own_dict"].switch_off()
from urllib3.connection import HTTPConnection
print(max(sys.getsizeof(vars(HTTPConnection("h"))) for _ in range(2)))
"""
    own, shared = (int(output_of(code, *arguments)) for arguments in ([], ["off"]))
    assert own > shared
