"""One client in one process: runs a part of a scenario for each line it reads, prints the cost.

python worker.py CLIENT SCENARIO '{"http": "http://...", "ca": "/path", ...}' '{"size": 8}'
"""

from __future__ import annotations

import functools
import gc
import itertools
import json
import resource
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import steps
from clients import CLIENTS
from scenarios import SCENARIOS, Scenario
from server import SIZES

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = resource.getpagesize()
LIVE = 8  # hosts that get requests, among thousands that are known


def slice_of(call: Callable[[str], int], scenario: Scenario, url: str, count: int) -> float:
    """Do so many calls; how many units that was."""
    page = url.rpartition("/")[2]
    expected = SIZES[page]

    def repeat(times: int) -> None:
        for number in range(times):
            size = call(f"{url}?page={number}&size=9" if scenario.another_url else url)
            if size != expected:
                raise RuntimeError(f"{size} bytes instead of {expected}")

    if scenario.threads == 1:
        repeat(count)
    else:
        with ThreadPoolExecutor(scenario.threads) as threads:
            share = count // scenario.threads
            for job in [threads.submit(repeat, share) for _ in range(scenario.threads)]:
                job.result()
    return count * scenario.options.get("size", expected) / 1e6 if scenario.unit == "MB" else count


def timed(work: Callable[[], float]) -> float:
    """Seconds of CPU, of all threads, for each unit."""
    gc.collect()
    before = time.process_time()
    units = work()
    return (time.process_time() - before) / units


def memory(client: Any, scenario: Scenario, url: str) -> float:
    """Bytes of memory for each object that the client keeps."""
    make = getattr(client, scenario.do)
    few = make(url, 2)  # whatever is imported or allocated once
    gc.collect()
    before = resident()
    many = make(url, scenario.count)
    gc.collect()
    grown = resident() - before
    del few, many
    return grown / scenario.count


def resident() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * PAGE


# ---------------------------------------------------------------- one, and many


def many_pools(client: Any, url: str, size: int) -> Callable[[str], int]:
    """A manager that knows SIZE hosts; a few of them, spread over all, are asked in turn."""
    resolve_to_loopback()
    http = client.urllib3.PoolManager(num_pools=size)
    place = urlsplit(url)
    urls = [f"http://h{n}.example:{place.port}{place.path}" for n in range(size)]
    for each in urls:
        http.connection_from_url(each)
    asked = itertools.cycle(urls[:: max(1, size // LIVE)][:LIVE])
    return lambda _: len(http.request("GET", next(asked)).data)


def resolve_to_loopback() -> None:
    real = socket.getaddrinfo
    socket.getaddrinfo = lambda _, *rest: real("127.0.0.1", *rest)


def many_idle(client: Any, url: str, size: int) -> Callable[[str], int]:
    """A pool with SIZE connections, all of them open."""
    place = urlsplit(url)
    pool = client.urllib3.HTTPConnectionPool(place.hostname, place.port, maxsize=size)
    leases = [pool.urlopen("GET", place.path, preload_content=False) for _ in range(size)]
    for lease in leases:
        lease.read()
        lease.release_conn()
    return lambda _: len(pool.urlopen("GET", place.path).data)


def many_threads(client: Any, _url: str, size: int) -> Callable[[str], int]:
    """One pool of SIZE connections."""
    client.http = client.urllib3.PoolManager(maxsize=size, block=True)
    return client.get  # type: ignore[no-any-return]


SIZED = {"flat_pools": many_pools, "flat_idle": many_idle, "flat_threads": many_threads}


def main() -> None:
    client_name, name, base, setting = *sys.argv[1:3], *map(json.loads, sys.argv[3:5])
    scenario = SCENARIOS[name]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    client = CLIENTS[client_name](base["ca"])
    if scenario.prepare and hasattr(client, scenario.prepare):
        getattr(client, scenario.prepare)()
    if "without" in setting:
        steps.STEPS[setting["without"]].switch_off()
    url = scenario.url.format(**base)
    print("ready", flush=True)
    if scenario.measure == "memory":
        sys.stdin.readline()
        print(memory(client, scenario, url), flush=True)
        return
    if "size" in setting:
        call = SIZED[name](client, url, setting["size"])
        if name == "flat_threads":
            scenario = scenario._replace(threads=setting["size"])
    else:
        call = getattr(client, scenario.do)
        if scenario.options:
            call = functools.partial(call, **scenario.options)

    for share in sys.stdin:
        count = max(1, int(scenario.count * float(share)))
        print(timed(lambda: slice_of(call, scenario, url, count)), flush=True)  # noqa: B023


if __name__ == "__main__":
    main()
