"""What is measured: each row of the table, and how often its unit is done in a slice."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Authorization": "Bearer 0123456789abcdef",
    "User-Agent": "benchmark/1.0",
    "X-Request-Id": "42",
}
CLOSE = {"Connection": "close"}
OURS = ("urllib3", "ours")


class Scenario(NamedTuple):
    """One row: a method of the clients, called with a URL and options.

    A client without that method, or not among ``only``, is left out.
    """

    what: str  # as the tables name it
    do: str = "get"
    url: str = "{http}/tiny"
    count: int = 500  # calls in a slice
    options: Mapping[str, Any] = MappingProxyType({})
    unit: str = "request"  # or MB (10**6 bytes), process, connection, pool
    only: tuple[str, ...] = ()
    threads: int = 1
    another_url: bool = False  # each call
    prepare: str = ""  # a method of the client, called before it is used
    fresh: bool = False  # a process for each slice, measured as below
    measure: str = "cpu"  # seconds of user and system time; or memory, in bytes
    sizes: tuple[int, ...] = ()  # ours alone, with so many of something: see worker.SIZED


def large(what: str, url: str, do: str = "get", **more: Any) -> Scenario:
    """A body of 100 MiB, measured by the megabyte."""
    return Scenario(what, do, url, count=1, unit="MB", **more)


def stream(what: str, url: str, amt: int = 65536) -> Scenario:
    return large(what, url, "stream", options={"amt": amt})


GROUPS: dict[str, dict[str, Scenario]] = {
    "Small requests": {
        "tiny": Scenario("GET of 100 bytes"),
        "tiny_urls": Scenario("… each of another URL", another_url=True),
        "tiny_ids": Scenario("… a field of each answer is another", url="{http}/ids"),
        "tiny_opts": Scenario("… with timeout, retries and 5 header fields", "get_options"),
        "tls_tiny": Scenario("… over TLS", url="{https}/tiny"),
        "threads8": Scenario("… 8 threads on one pool of 8", count=1600, threads=8),
        "pool_urlopen": Scenario("… by pool.urlopen", "pool_urlopen"),
        "pool_request": Scenario("… by pool.request", "pool_request"),
        "api": Scenario("GET of 3 KB of JSON, 20 header fields", url="{http}/api", count=400),
        "api_hdrs": Scenario("… which are looked at", "get_headers", "{http}/api", 400),
        "gzip100k": Scenario("GET of 100 KB, gzip", url="{http}/gzip100k", count=100),
        "gzip100k_chunked": Scenario("… in chunks", url="{sink}/chunked_gzip100k", count=100),
        "put2k": Scenario("PUT of 2 KB", "put", "{sink}/up", 300, {"kind": "bytes", "size": 2000}),
        "post_json": Scenario("POST of a JSON value", "post_json", "{sink}/up", 300),
    },
    "100 MB, received": {
        "stream64k": stream("in pieces of 64 KB", "{http}/large"),
        "stream8k": stream("in pieces of 8 KB", "{http}/large", 8192),
        "readinto": large("into a buffer of 64 KB", "{http}/large", "readinto"),
        "data": large("whole", "{http}/large"),
        "chunked_stream": stream("in 8 KB chunks: pieces", "{sink}/chunked8k"),
        "chunked_data": large("in 8 KB chunks: whole", "{sink}/chunked8k"),
        "chunked1k": stream("in 1 KB chunks: pieces", "{sink}/chunked1k"),
        "gzip_stream": stream("gzip: pieces", "{http}/gzip_large"),
        "gzip_data": large("gzip: whole", "{http}/gzip_large"),
        "tls_stream": stream("over TLS: pieces", "{https}/large"),
    },
    "10 MB, sent": {
        f"up_{kind}": Scenario(
            what, "put", "{sink}/up", 10, {"kind": kind, "size": 10 << 20}, unit="MB"
        )
        for kind, what in {
            "bytes": "bytes",
            "file": "a file",
            "iterable": "an iterable of 64 KB pieces",
        }.items()
    },
    "Connections, processes, memory": {
        "new": Scenario("new connection", count=150, options={"headers": CLOSE}),
        "tls_new": Scenario("new TLS connection", "get", "{https}/tiny", 20, {"headers": CLOSE}),
        "tls_new_own": Scenario(
            "… with an SSLContext of one's own",
            "get",
            "{https}/tiny",
            60,
            {"headers": CLOSE},
            prepare="own_context",
            only=(*OURS, "httpx", "http.client", "socket"),
        ),
        "import": Scenario("import, in a new process", "IMPORT", unit="process", fresh=True),
        "import_first": Scenario("… and a first GET", "FIRST", unit="process", fresh=True),
        "tls_memory": Scenario(
            "memory of an open TLS connection",
            "open_connections",
            "{https}/tiny",
            50,
            unit="connection",
            fresh=True,
            measure="memory",
        ),
        "pool_memory": Scenario(
            "memory of an idle pool",
            "idle_pools",
            count=1000,
            unit="pool",
            fresh=True,
            measure="memory",
        ),
    },
    "GET of 100 bytes, patched and beneath requests": {
        "patched": Scenario(
            "http.client wrapped, as sentry does", only=OURS, prepare="like_sentry"
        ),
        "overridden": Scenario(
            "_send_output overridden, as botocore does", only=OURS, prepare="like_botocore"
        ),
        "requests_tiny": Scenario("requests on top", "by_requests", count=200),
        "requests_api": Scenario(
            "… 3 KB of JSON, 20 header fields", "by_requests", "{http}/api", 150
        ),
    },
}
# The cost of a GET of 100 bytes, with 1 of something and with many.
FLAT = {
    "flat_pools": Scenario("pools in a manager", sizes=(1, 10, 100, 1000, 10_000), count=300),
    "flat_idle": Scenario("idle connections in a pool", sizes=(1, 10, 100, 1000), count=300),
    "flat_threads": Scenario("threads on one pool", sizes=(1, 2, 8, 32), count=640),
}
SCENARIOS = {**{name: row for rows in GROUPS.values() for name, row in rows.items()}, **FLAT}
