"""A request stays as cheap as it is: in calls, in system calls, and in what it leaves behind.

No clock is looked at: these are numbers that another load of the machine cannot change.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shape import cost
from tests.shape.project import load
from tests.support.answers import head, in_chunks
from tests.support.programs import need
from tests.support.scripted import Request, serve

pytestmark = pytest.mark.skipif(
    platform.python_implementation() != "CPython", reason="counts what CPython does"
)


def page(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    about = ("Server: test", "Content-Type: text/plain", f"Content-Length: {len(body)}")
    return head(*about, *lines, status=status) + body


PAGES = {
    "/": page(b"x" * 100),
    "/json": page(b'{"a": [1, 2]}'),
    "/gzip": page(gzip.compress(b"x" * 5000), "Content-Encoding: gzip"),
    "/chunked": head("Transfer-Encoding: chunked") + in_chunks(b"x" * 1000, 300),
    "/missing": page(b"nothing", status="404 Not Found"),
    "/redirect": page(b"there", "Location: /", status="302 Found"),
}


@contextlib.contextmanager
def site() -> Iterator[str]:
    """The URL of a server, which ends with a slash."""

    def answer(request: Request) -> bytes:
        return PAGES[request.line.split(" ")[1]]

    with serve(handler=answer) as server:
        yield server.url("/")


def budget() -> dict[str, dict[str, int]]:
    return load("calls.toml")


@pytest.mark.parametrize("way", budget())
def test_a_request_calls_as_many_functions_as_its_budget_says(way: str) -> None:
    with site() as url:
        assert json.loads(cost.counted("calls", way, url)) == budget()[way]


@pytest.mark.parametrize("way", cost.WAYS)
def test_a_request_leaves_no_cycle_and_no_object_behind(way: str) -> None:
    with site() as url:
        found = json.loads(cost.counted("garbage", way, url))
    assert found["cycles"] == 0
    assert found["stayed"] < 20  # of 200 requests: nothing is kept for each


@pytest.mark.external("strace")
def test_a_small_request_takes_three_system_calls_a_look_a_send_and_a_receive(
    tmp_path: Path,
) -> None:
    strace = need("strace")
    few, many = (system_calls(strace, tmp_path, requests) for requests in (100, 300))
    made = {name: many[name] - few.get(name, 0) for name in many}
    each = {name: round(count / 200, 1) for name, count in made.items() if count >= 20}
    look = "ppoll" if "ppoll" in each else "poll"  # by processor
    assert each == {look: 1, "sendto": 1, "recvfrom": 1}


def system_calls(strace: str, folder: Path, requests: int) -> dict[str, int]:
    """System call -> how often a process makes it that does so many requests."""
    log = folder / f"{requests}.log"
    under = [strace, "-f", "-qq", "-o", str(log)]
    with site() as url:
        try:
            cost.counted("nothing", "get", url, str(requests), under=under)
        except RuntimeError as error:
            if "ptrace" not in str(error):
                raise
            pytest.skip("this machine does not let strace attach to a process")
    names = re.findall(r"^\d+ +(\w+)\(", log.read_text("utf-8", "replace"), re.MULTILINE)
    return {name: names.count(name) for name in set(names)}
