"""What urllib3 2.8.0 pickles, as data: run by an interpreter that imports it.

    python tests/data/make_pickles.py > tests/data/pickles.json

Beside each pickle stand the text of the value and of its attributes, as 2.8.0 shows them.
"""

import base64
import enum
import inspect
import io
import json
import pickle
import sys
import typing

import urllib3
from urllib3 import HTTPHeaderDict, HTTPResponse, PoolManager, Retry, Timeout
from urllib3 import exceptions as X
from urllib3.fields import RequestField
from urllib3.poolmanager import PoolKey, ProxyConfig, key_fn_by_scheme
from urllib3.util import parse_url
from urllib3.util.request import _FAILEDTELL, ChunksAndContentLength
from urllib3.util.retry import RequestHistory
from urllib3.util.timeout import _DEFAULT_TIMEOUT

ARGUMENTS: dict[str, tuple[typing.Any, ...]] = {
    "PoolError": (None, "text"),
    "RequestError": (None, "/url", "text"),
    "MaxRetryError": (None, "/url", X.SSLError("bad")),
    "HostChangedError": (None, "/url", 3),
    "ReadTimeoutError": (None, "/url", "text"),
    "ConnectTimeoutError": (None, "text"),
    "NewConnectionError": (None, "text"),
    "NameResolutionError": ("host", None, OSError(2, "text")),
    "EmptyPoolError": (None, "text"),
    "FullPoolError": (None, "text"),
    "ClosedPoolError": (None, "text"),
    "LocationParseError": ("place",),
    "URLSchemeUnknown": ("ftp",),
    "ProxyError": ("text", OSError(3, "text")),
    "ProxySchemeUnknown": ("x",),
    "IncompleteRead": (3, 4),
    "InvalidChunkLength": (HTTPResponse(b""), b"zz"),
}


def values() -> typing.Iterator[tuple[str, typing.Any]]:
    yield "timeout", Timeout(connect=1.5, read=2, total=7)
    yield "timeout by default", Timeout()
    yield "timeout of one number", Timeout.from_float(3)
    running = Timeout(total=5)
    running._start_connect = 1.0
    yield "timeout that runs", running
    yield "retry", Retry(3, connect=1, status_forcelist=[503], allowed_methods=None)
    yield "retry with back-off", Retry(backoff_factor=0.5, backoff_jitter=0.1, retry_after_max=9)
    yield "retry by default", Retry.DEFAULT
    yield "retry that is used", Retry(5).increment("GET", "/x", error=X.ProtocolError("gone"))
    yield "header fields", HTTPHeaderDict([("A", "1"), ("a", "2"), ("B", "x")])
    yield "URL", parse_url("http://u:p@h:80/p?q#f")
    yield "pool key", key_fn_by_scheme["http"]({"scheme": "http", "host": "h", "port": 80})
    yield "pool key with all", PoolKey(*range(len(PoolKey._fields)))
    yield "proxy config", ProxyConfig(None, False, None, None)
    yield "settings of a manager", PoolManager(timeout=3, retries=2).connection_pool_kw
    yield "history", RequestHistory("GET", "/x", None, 302, "/y")
    yield "body", ChunksAndContentLength([b"a"], 1)
    yield "form field", RequestField("n", b"d", filename="f", headers={"A": "b"})
    yield "marker of the default timeout", _DEFAULT_TIMEOUT
    yield "marker of a failed tell", _FAILEDTELL
    yield "response", HTTPResponse(b"body", status=200, headers={"A": "b"}, reason="OK")
    yield "response not read", HTTPResponse(io.BytesIO(b"body"), preload_content=False)
    for name, kind in sorted(vars(X).items()):
        if not inspect.isclass(kind) or kind.__module__ != X.__name__:
            continue
        # One of them cannot be unpickled even there.
        if issubclass(kind, (Exception, Warning)) and name != "HeaderParsingError":
            yield name, kind(*ARGUMENTS.get(name, ("text", 5)))


def shown(value: typing.Any) -> str:
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} of {sorted(value)}"
    return "an object" if " at 0x" in repr(value) else ascii(value)


def row(name: str, value: typing.Any) -> dict[str, typing.Any]:
    # Members of enumerations have other attributes on each version of Python.
    attributes = {} if isinstance(value, enum.Enum) else getattr(value, "__dict__", {})
    return {
        "id": name,
        "pickle": base64.b64encode(pickle.dumps(value, protocol=2)).decode("ascii"),
        "type": type(value).__name__,
        "value": shown(value),
        "text": "an object" if " object at 0x" in str(value) else str(value),
        "attributes": {key: shown(found) for key, found in sorted(attributes.items())},
    }


if __name__ == "__main__":
    assert urllib3.__version__ == "2.8.0", "made by urllib3 itself"
    rows = [json.dumps(row(*each)) for each in values()]
    sys.stdout.write("[\n" + ",\n".join(rows) + "\n]\n")
