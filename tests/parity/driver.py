"""Run cases against whichever urllib3 this interpreter imports; only the standard library besides.

Cases are read as a JSON list from standard input, results written as a JSON list to standard output.
What JSON lacks is written as ``{"!": kind, ...}``, see ``MAKERS``; ``{port}`` in any text stands for
the port of the case's server, and in results for any port that a server had.
"""

from __future__ import annotations

import array
import contextlib
import io
import json
import logging
import os
import random
import re
import select
import socket
import ssl
import sys
import time
import typing
import warnings

import urllib3
import urllib3.exceptions
import urllib3.util
from tests.support.scripted import Call, Recv, Reset, serve
from urllib3 import HTTPHeaderDict, Retry, Timeout
from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

Case = dict[str, typing.Any]

# ---------------------------------------------------------------- values in and out

MAKERS: dict[str, typing.Callable[[typing.Any], typing.Any]] = {
    "bytes": lambda spec: spec["of"].encode("latin-1"),
    "bytearray": lambda spec: bytearray(spec["of"].encode("latin-1")),
    "memoryview": lambda spec: memoryview(spec["of"].encode("latin-1")),
    "shorts": lambda spec: array.array("H", spec["of"]),
    "file": lambda spec: at(io.BytesIO(spec["of"].encode("latin-1")), spec.get("at", 0)),
    "text file": lambda spec: at(io.StringIO(spec["of"]), spec.get("at", 0)),
    "generator": lambda spec: (make(item) for item in spec["of"]),
    "tuple": lambda spec: tuple(make(item) for item in spec["of"]),
    "dict": lambda spec: {make(key): make(value) for key, value in spec["of"]},
    "headers": lambda spec: HTTPHeaderDict([(make(k), make(v)) for k, v in spec["of"]]),
    "retry": lambda spec: Retry(**make(spec["of"])),
    "timeout": lambda spec: Timeout(**make(spec["of"])),
    "skip": lambda spec: urllib3.util.SKIP_HEADER,
    "object": lambda spec: object(),
    "field": lambda spec: RequestField(**make(spec["of"])),
}


def at(file: typing.Any, position: int) -> typing.Any:
    file.seek(position)
    return file


def make(spec: typing.Any) -> typing.Any:
    """The value that a JSON value stands for."""
    if isinstance(spec, dict):
        if "!" in spec:
            return MAKERS[spec["!"]](spec)
        return {key: make(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [make(item) for item in spec]
    return spec


def show(value: typing.Any) -> typing.Any:
    """A JSON value that tells everything a caller could see of *value*."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [show(item) for item in value]
    if isinstance(value, dict):
        return {str(key): show(item) for key, item in value.items()}
    if isinstance(value, HTTPHeaderDict):
        return [[show(key), show(item)] for key, item in value.items()]
    if isinstance(value, BaseException):
        return show_error(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return repr(value)


def show_error(error: BaseException) -> typing.Any:
    """Class, text and causes."""
    chain = []
    while error is not None and len(chain) < 9:
        chain.append(f"{type(error).__name__}: {error}")
        error = typing.cast("BaseException", error.__cause__)
    return {"error": chain}


def attempt(function: typing.Callable[..., typing.Any], *args: typing.Any, **kw: typing.Any) -> typing.Any:  # fmt: skip
    try:
        return show(function(*args, **kw))
    except Exception as error:
        return show_error(error)


NOISE = [
    (re.compile(r"0x[0-9a-f]{6,}"), "0xID"),
    (re.compile(r"_ssl\.c:\d+"), "_ssl.c:N"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "BOUNDARY"),
    (re.compile(r"(?<=\d\.\d{3})\d{6,}"), ""),  # the last digits of a float
]


def normal(value: typing.Any, ports: typing.Iterable[int]) -> typing.Any:
    """*value* without what differs between any two runs."""
    text = json.dumps(value)
    for port in ports:
        text = re.sub(rf"(?<!\d){port}(?!\d)", "{port}", text)
    for pattern, stand_in in NOISE:
        text = pattern.sub(stand_in, text)
    return json.loads(text)


# ---------------------------------------------------------------- values and policy


def run_parse_url(case: Case) -> typing.Any:
    url = urllib3.util.parse_url(make(case["url"]))
    return [*url, str(url), url.request_uri, url.netloc, url.authority, url.hostname]


def run_header_dict(case: Case) -> typing.Any:
    headers = HTTPHeaderDict(make(case["start"]))
    seen = []
    for name, *args in case["steps"]:
        if name == "setitem":
            result = attempt(headers.__setitem__, *make(args))
        elif name == "len":
            result = len(headers)
        elif name == "==":
            result = attempt(headers.__eq__, make(args[0]))
        elif name in ("iteritems", "itermerged", "items", "keys", "values"):
            result = attempt(lambda name=name: list(getattr(headers, name)()))
        else:
            result = attempt(getattr(headers, name), *make(args))
        seen.append([name, result])
    return [seen, repr(headers), list(headers)]


RETRY_ATTRIBUTES = ("total", "connect", "read", "redirect", "status", "other")


class FakeResponse:
    """As much of a response as ``Retry`` looks at."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = HTTPHeaderDict(headers)
        self.reason = "reason"

    def get_redirect_location(self) -> str | typing.Literal[False] | None:
        return self.headers.get("location") if self.status in {301, 302, 303, 307, 308} else False


def fake_error(kind: str) -> Exception:
    errors = urllib3.exceptions
    pool = urllib3.HTTPConnectionPool("h", 80)
    return {
        "connect": lambda: errors.ConnectTimeoutError(),
        "new": lambda: errors.NewConnectionError(pool, "refused"),
        "read": lambda: errors.ReadTimeoutError(pool, "/", "slow"),
        "protocol": lambda: errors.ProtocolError("broken"),
        "ssl": lambda: errors.SSLError("tls"),
        "proxy": lambda: errors.ProxyError("p", errors.NewConnectionError(pool, "refused")),
        "proxy tls": lambda: errors.ProxyError("p", errors.SSLError("tls")),
        "value": lambda: ValueError("odd"),
    }[kind]()


def run_retry(case: Case) -> typing.Any:
    retry = Retry(**make(case["of"]))
    seen: list[typing.Any] = [show_retry(retry)]
    for step in case["steps"]:
        kw: dict[str, typing.Any] = {"method": step["method"], "url": step["url"]}
        if "error" in step:
            kw["error"] = fake_error(step["error"])
        if "status" in step:
            kw["response"] = FakeResponse(step["status"], step["headers"])
            seen.append(
                [
                    attempt(retry.is_retry, step["method"], step["status"], has)
                    for has in (True, False)
                ]
            )
            seen.append(attempt(retry.get_retry_after, kw["response"]))
        try:
            retry = retry.increment(**kw)
        except Exception as error:
            seen.append(show_error(error))
            break
        seen.append(show_retry(retry))
    return seen


def show_retry(retry: Retry) -> typing.Any:
    random.seed(5)  # for the jitter
    return [
        repr(retry),
        [show(getattr(retry, name)) for name in RETRY_ATTRIBUTES],
        retry.is_exhausted(),
        retry.get_backoff_time(),
        [show(tuple(entry)) for entry in retry.history],
    ]


def run_retry_from_int(case: Case) -> typing.Any:
    retry = Retry.from_int(make(case["value"]), case["redirect"], make(case["default"]))
    return show_retry(retry)


def run_timeout(case: Case) -> typing.Any:
    timeout = Timeout(**make(case["of"])) if case["of"] is not None else Timeout()
    seen = [repr(timeout), attempt(lambda: timeout.connect_timeout)]
    seen.append(attempt(lambda: timeout.read_timeout))
    seen.append(attempt(timeout.get_connect_duration))
    clone = timeout.clone()
    clone.start_connect()
    seen += [repr(clone), attempt(clone.start_connect)]
    return seen


def run_multipart(case: Case) -> typing.Any:
    return encode_multipart_formdata(make(case["fields"]), boundary="boundary")


def run_same_host(case: Case) -> typing.Any:
    return urllib3.connection_from_url(case["pool"]).is_same_host(case["url"])


def run_from_url(case: Case) -> typing.Any:
    pool = urllib3.connection_from_url(make(case["url"]), **make(case.get("kw", {})))
    return [type(pool).__name__, str(pool), pool.scheme, pool.host, pool.port, pool._tunnel_host]


def run_manager_pool(case: Case) -> typing.Any:
    with urllib3.PoolManager() as manager:
        pools = [manager.connection_from_url(url) for url in case["urls"]]
        return [[pools.index(pool), str(pool)] for pool in pools]


def run_make_headers(case: Case) -> typing.Any:
    return urllib3.util.make_headers(**make(case["of"]))


# ---------------------------------------------------------------- exchanges


class Journal(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname} {record.getMessage()}")


def until_gone(sock: socket.socket) -> None:
    sock.settimeout(10)
    while sock.recv(65536):
        pass


def script(steps: list[typing.Any], port: typing.Callable[[], int]) -> list[typing.Any]:
    """The steps of one connection; after the last the server waits for the client to hang up."""
    done: list[typing.Any] = []
    for step in steps:
        kind, text = step if isinstance(step, list) else ("answer", step)
        if kind == "answer":
            done.append(Recv())
        if kind in ("answer", "send"):
            done.append(
                Call(
                    lambda sock, text=text: sock.sendall(
                        text.replace("{port}", str(port())).encode("latin-1")
                    )
                )
            )
        elif kind == "recv":
            done.append(Recv())
        elif kind == "fin":
            done.append(Call(lambda sock: sock.shutdown(socket.SHUT_WR)))
        elif kind == "reset":
            done.append(Reset())
    return [*done, Call(until_gone)]


@contextlib.contextmanager
def server_of(case: Case) -> typing.Iterator[typing.Any]:
    running: list[typing.Any] = []
    tls = None
    if "tls" in case:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(case["tls"])
    routes = case.get("routes")

    def answer(request: typing.Any) -> bytes:
        path = request.line.split(" ")[1]
        found = typing.cast("dict[str, str]", routes)
        text = found.get(path, found.get(path.partition("?")[0], found["*"]))
        return text.replace("{port}", str(running[0].port)).encode("latin-1")

    scripts = [script(steps, lambda: running[0].port) for steps in case.get("connections", ())]
    with serve(*scripts, handler=answer if routes else None, tls=tls) as server:
        running.append(server)
        yield server


def fill(value: typing.Any, port: int) -> typing.Any:
    return json.loads(json.dumps(value).replace("{port}", str(port)))


def read(response: typing.Any, name: str, args: list[typing.Any]) -> typing.Any:
    if name == "readinto":
        buffer = bytearray(args[0])
        count = response.readinto(buffer)
        return [count, bytes(buffer[:count])]
    if name in ("stream", "read_chunked"):
        return list(getattr(response, name)(*args))
    if name == "lines":
        return list(response)
    if name == "next piece":
        return next(response.stream(*args), None)
    found = getattr(response, name)
    return found(*args) if callable(found) else found


def call(target: typing.Any, spec: Case, held: list[typing.Any]) -> typing.Any:
    """One request, what came of it, and what reading gave.

    The response is added to *held*: what its collection does to a pool is not compared here.
    """
    response = getattr(target, spec["do"])(*make(spec["args"]), **make(spec.get("kw", {})))
    held.append(response)
    seen = [
        response.status,
        response.reason,
        response.version,
        show(list(response.headers.items())),
        response.url,
        repr(response.retries),
        show([tuple(entry) for entry in response.retries.history]) if response.retries else None,
        response.length_remaining,
        response.chunked,
    ]
    for name, *args in spec.get("reads", [["data"]]):
        try:
            seen.append([name, show(read(response, name, args))])
        except Exception as error:
            seen.append([name, show_error(error)])
            response.close()
            response.release_conn()
            break
    return seen


def wait_until_dropped(pool: typing.Any) -> None:
    for conn in pool.pool.queue:
        if conn is not None and conn.sock is not None:
            select.select([conn.sock], [], [], 10)


def state(pool: typing.Any) -> typing.Any:
    kept = None if pool.pool is None else [show_slot(conn) for conn in pool.pool.queue]
    return [str(pool), pool.num_connections, pool.num_requests, kept]


def show_slot(conn: typing.Any) -> str:
    if conn is None:
        return "empty"
    return "closed" if conn.sock is None else "open"


def client_of(case: Case, port: int) -> typing.Any:
    kw = {"timeout": 2, **make(fill(case.get("client_kw", {}), port))}
    host = case.get("host", "127.0.0.1")
    kind = case.get("client", "pool")
    if kind == "manager":
        return urllib3.PoolManager(**kw)
    if kind == "proxy":
        return urllib3.ProxyManager(f"http://127.0.0.1:{port}", **kw)
    if kind == "tls":
        return urllib3.HTTPSConnectionPool(host, port, **kw)
    return urllib3.HTTPConnectionPool(host, port, **kw)


def pools_of(client: typing.Any) -> list[typing.Any]:
    if not hasattr(client, "pools"):
        return [client]
    return [client.pools[key] for key in sorted(client.pools.keys(), key=str)]


def exchange(case: Case, port: int) -> typing.Any:
    slept: list[float] = []
    journal = Journal()
    log = logging.getLogger("urllib3")
    log.setLevel(logging.DEBUG)
    log.addHandler(journal)
    real_sleep, time.sleep = time.sleep, slept.append
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client = client_of(case, port)
            results: list[typing.Any] = []
            held: list[typing.Any] = []
            for spec in fill(case["calls"], port):
                if spec["do"] == "wait until dropped":
                    wait_until_dropped(client)
                    continue
                results.append(attempt(call, client, spec, held))
            states = [state(pool) for pool in pools_of(client)]
            (client.clear if hasattr(client, "clear") else client.close)()
    finally:
        time.sleep = real_sleep
        log.removeHandler(journal)
    return {
        "results": results,
        "pools": states,
        "logged": journal.lines,
        "slept": [round(seconds, 3) for seconds in slept],
        "warned": [
            f"{warning.category.__name__}: {warning.message}"
            for warning in caught
            if warning.category is not ResourceWarning
        ],
    }


def run_exchange(case: Case) -> typing.Any:
    with server_of(case) as server:
        PORTS.append(server.port)
        seen = exchange(case, server.port)
    seen["sent"] = [request.raw.decode("latin-1") for request in server.requests]
    if "tls" not in case:  # a client that refuses may be gone before the server looks
        seen["connections"] = server.connections
    return seen


def run_refused(case: Case) -> typing.Any:
    """An exchange with a port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        PORTS.append(sock.getsockname()[1])
        return exchange(case, sock.getsockname()[1])


PORTS: list[int] = []
KINDS = {name[4:]: function for name, function in globals().items() if name.startswith("run_")}


def run(case: Case) -> typing.Any:
    PORTS.clear()
    try:
        result = show(KINDS[case["kind"]](case))
    except Exception as error:
        result = show_error(error)
    return normal(result, PORTS)


if __name__ == "__main__":
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    version = ".".join(map(str, sys.version_info[:2]))
    answer = {"python": version, "urllib3": urllib3.__version__, "file": urllib3.__file__}
    answer["results"] = [run(case) for case in json.load(sys.stdin)]
    json.dump(answer, sys.stdout)
