"""What requests cost in things that can be counted: ``python -m tests.shape.cost``.

With a measure, a way and a URL it is the client: it makes the requests in this process and prints
what it counted.  Without, it prints the calls for each way, as ``calls.toml`` has them.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import typing
from pathlib import Path

import urllib3
from tests.shape.project import ROOT

WARM = 20  # requests before anything is counted: what is made once is there then

WAYS: dict[str, typing.Callable[[urllib3.PoolManager, str], object]] = {
    "get": lambda http, url: http.request("GET", url).data,
    "get_headers": lambda http, url: http.request("GET", url).headers["server"],
    "get_options": lambda http, url: http.request(
        "GET", url, timeout=5.0, retries=3, headers={"Accept": "text/plain"}
    ),
    "pool_urlopen": lambda http, url: http.connection_from_url(url).urlopen("GET", "/"),
    "put": lambda http, url: http.request("PUT", url, body=b"x" * 2000).data,
    "post_json": lambda http, url: http.request("POST", url, json={"a": 1}).data,
    "post_fields": lambda http, url: http.request("POST", url, fields={"a": "1"}).data,
    "get_json": lambda http, url: http.request("GET", url + "json").json(),
    "get_gzip": lambda http, url: http.request("GET", url + "gzip").data,
    "get_chunked": lambda http, url: http.request("GET", url + "chunked").data,
    "missing": lambda http, url: http.request("GET", url + "missing").status,
    "redirect": lambda http, url: http.request("GET", url + "redirect").data,
    "stream": lambda http, url: stream(http, url),
    "message": lambda http, url: message(http, url),
}


def message(http: urllib3.PoolManager, url: str) -> object:
    response: typing.Any = http.request("GET", url)
    return response._original_response.msg


def stream(http: urllib3.PoolManager, url: str) -> list[bytes]:
    response = http.request("GET", url + "chunked", preload_content=False)
    pieces = list(response.stream(100))
    response.release_conn()
    return pieces


# ---------------------------------------------------------------- measures


def calls(once: typing.Callable[[], object]) -> dict[str, int]:
    """Calls of functions in Python and in C that one request takes."""
    seen: list[str] = []
    sys.setprofile(lambda frame, event, argument: seen.append(event))
    once()
    sys.setprofile(None)
    # Not of the request: two functions in between here and there, and the last setprofile.
    return {"python": seen.count("call") - 2, "c": seen.count("c_call") - 1}


def garbage(once: typing.Callable[[], object]) -> dict[str, int]:
    """Objects that only the collector of cycles frees, and objects that stay."""
    gc.collect()
    gc.disable()
    before = len(gc.get_objects())
    for _ in range(200):
        once()
    stayed = len(gc.get_objects()) - before
    return {"cycles": gc.collect(), "stayed": stayed}


def nothing(once: typing.Callable[[], object]) -> dict[str, int]:
    """For whoever counts from outside: so many more requests."""
    for _ in range(int(sys.argv[4])):
        once()
    return {}


MEASURES = {"calls": calls, "garbage": garbage, "nothing": nothing}


def counted(measure: str, way: str, url: str, *more: str, under: typing.Sequence[str] = ()) -> str:
    """What a process of its own counts; nothing but the client runs in there."""
    command = [*under, sys.executable, "-m", "tests.shape.cost", measure, way, url, *more]
    variables = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    variables["PYTHONPATH"] = str(Path(urllib3.__file__).parent.parent)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**variables, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def main() -> None:
    if len(sys.argv) > 1:
        measure, way, url = sys.argv[1:4]
        with urllib3.PoolManager() as http:
            for _ in range(WARM):
                WAYS[way](http, url)
            print(json.dumps(MEASURES[measure](lambda: WAYS[way](http, url))))
        return
    from tests.shape.test_cost import budget, site

    with site() as url:
        for way in budget():
            print(way, counted("calls", way, url), end="")


if __name__ == "__main__":
    main()
