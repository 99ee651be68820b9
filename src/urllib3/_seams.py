"""Which functions programs replace, and the one way to ask whether somebody has: *patched*.

urllib3 is the layer beneath many programs, and they reach into it: tracers wrap the methods of
``http.client`` and of our classes, SDKs override steps of a request, test suites rebind names in
modules.  Each fast path of ours leaves such steps out, so each must first ask here whether they are
still the ones it knows.  :data:`ROWS` names them all; ``docs/contract.md`` is written from it.

The rule: what is found must *be* the original.  Equality is not asked, because transparent wrappers
(wrapt's, which most tracers use) compare equal to what they wrap, and pass its ``__code__`` and
``__wrapped__`` on.  The question is put anew each time, for a wrapper may come or go at any moment.
It is put to the class of the object in hand, which subclasses and metaclasses may have changed, to
the classes beneath it that our own methods call, to the modules, and to the object itself.

Only what is *replaced* is noticed, not a function whose ``__code__`` is rewritten in place.

This module knows names, not what they do.  Whoever defines a class or a function that others
replace calls :func:`record` right after the definition, before an import hook can come in between.
"""

import contextlib
import http.client
import queue
import socket
import sys
import types
import typing

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Row(typing.NamedTuple):
    """Names of one owner that programs replace."""

    #: What they are part of; :func:`assume_patched` takes it.
    kind: str
    #: The number of the constraint in ``docs/contract.md``.
    constraint: int
    #: A module, or a class in one.  Without a leading dot it is the standard library's.
    owner: str
    names: tuple[str, ...]
    replaced_by: str
    #: What is done while nobody has replaced them.
    otherwise: str


_ONE_PIECE = "head and small body are built in one piece and sent at once"
_AT_ONCE = "the receiver parses the head in one piece"
_FROM_WIRE = "bytes go from the receiver to the reader; a body that came with its head is taken"
_EQUAL_CHUNKS = "chunks of one size are taken out of what was received, without a call for each"
_LATE = "called by its name each time"

ROWS = (
    Row(
        "sending",
        3,
        "http.client.HTTPConnection",
        (
            "putrequest",
            "putheader",
            "endheaders",
            "send",
            "_output",
            "_send_output",
            "_encode_request",
            "_validate_method",
            "_validate_path",
        ),
        "sentry-sdk, ddtrace, newrelic, aws-xray-sdk, OpenTelemetry; overridden by botocore",
        _ONE_PIECE,
    ),
    Row(
        "sending",
        3,
        ".connection.HTTPConnection",
        ("putrequest", "putheader"),
        "tracers and subclasses",
        _ONE_PIECE,
    ),
    Row(
        "receiving",
        3,
        "http.client.HTTPConnection",
        ("getresponse",),
        "sentry-sdk, ddtrace, newrelic, aws-xray-sdk",
        _AT_ONCE,
    ),
    Row(
        "receiving",
        3,
        "http.client.HTTPResponse",
        ("begin", "_read_status"),
        "newrelic and recorders; overridden by botocore",
        _AT_ONCE,
    ),
    Row(
        "receiving",
        5,
        "._http1.answer.IncomingResponse",
        ("begin", "_read_status"),
        "whoever patches `HTTPConnection.response_class`",
        _AT_ONCE,
    ),
    Row(
        "construction",
        3,
        ".response.HTTPResponse",
        ("__init__",),
        "tracers",
        "an answer from the wire is set up without the checks of arguments that callers need",
    ),
    Row("construction", 3, ".response.BaseHTTPResponse", ("__init__",), "tracers", "the same"),
    Row(
        "reading",
        3,
        "http.client.HTTPResponse",
        ("read", "read1", "readinto", "_safe_read", "close"),
        "sentry-sdk (boto3), aws-xray-sdk",
        _FROM_WIRE,
    ),
    Row(
        "reading",
        5,
        "._http1.answer.IncomingResponse",
        ("read", "_safe_read"),
        "whoever patches the class of `response._fp`",
        _FROM_WIRE,
    ),
    Row(
        "reading",
        5,
        ".response.HTTPResponse",
        ("read", "_raw_read", "_fp_read", "_decode", "_error_catcher"),
        "CacheControl, requests-toolbelt, tracers",
        _FROM_WIRE,
    ),
    Row(
        "release",
        5,
        ".response.HTTPResponse",
        ("release_conn",),
        "tracers",
        "an answer that came whole never held its connection, and does not release it",
    ),
    Row(
        "chunks",
        5,
        ".response.HTTPResponse",
        ("_update_chunk_length", "_handle_chunk"),
        "CacheControl",
        _EQUAL_CHUNKS,
    ),
    Row(
        "socket",
        9,
        "socket.socket",
        ("sendall",),
        "recorders, programs that count or limit what is sent",
        "what the system takes at once is sent by `send`, `sendmsg` and `sendfile`",
    ),
    Row("socket", 9, "ssl.SSLSocket", ("sendall",), "the same", "the same, by `send`"),
    Row(
        "TLS",
        9,
        ".connection",
        (
            "ssl_wrap_socket",
            "create_urllib3_context",
            "resolve_cert_reqs",
            "resolve_ssl_version",
        ),
        "httpretty, mocket",
        "a context is built once for each policy and kept",
    ),
    Row(
        "queue",
        7,
        "queue",
        ("LifoQueue",),
        "gevent, eventlet; `QueueCls` by locust",
        "the queue takes no lock",
    ),
    Row(
        "retry",
        2,
        ".util.retry.Retry",
        ("is_retry",),
        "requests-based SDKs that subclass `Retry`",
        "an answer whose status no setting mentions is not retried, and its headers not parsed",
    ),
    Row(
        "URL",
        9,
        ".util.url",
        ("_PERCENT_RE",),
        "yt-dlp, streamlink",
        "a URL in its normal form is not rewritten",
    ),
    Row(
        "waiting",
        9,
        ".connection",
        ("wait_for_read",),
        "test suites",
        "the poll object of a socket is kept",
    ),
    Row("waiting", 9, ".util.wait", ("wait_for_socket",), "gevent, test suites", "the same"),
    # These are looked up at each call anyhow: there is nothing to ask.
    Row(
        "late",
        9,
        ".connection",
        ("match_hostname", "_match_hostname"),
        "test suites",
        _LATE,
    ),
    Row(
        "late",
        9,
        ".util.connection",
        ("create_connection", "allowed_gai_family", "HAS_IPV6", "_set_socket_options"),
        "streamlink, yt-dlp, mocket",
        _LATE,
    ),
    Row("late", 9, ".util.ssl_", ("SSLContext",), "truststore", _LATE),
    Row("late", 9, ".connectionpool", ("is_connection_dropped",), "vcrpy", _LATE),
    Row("late", 9, ".fields", ("format_multipart_header_param",), "pyTelegramBotAPI", _LATE),
    Row("late", 9, "http.client", ("_MAXHEADERS", "_MAXLINE"), "HTTPie", "read each time"),
)

# ---------------------------------------------------------------- originals

# Each original is a global of this module, named by its owner: ``util_retry_Retry_is_retry``.  So
# is each owner.  The questions below read them; the callers for whom a call would cost too much
# compare those that are declared here in place.

connection_wait_for_read: object
http_client_HTTPResponse_close: object
http_client_HTTPResponse_read: object
http_client_HTTPResponse__safe_read: object
queue_LifoQueue: object
response_HTTPResponse__decode: object
response_HTTPResponse__error_catcher: object
ssl_SSLSocket_sendall: object
util_retry_Retry_is_retry: object
util_url__PERCENT_RE: object
util_wait_wait_for_socket: object

_ORIGINALS = globals()


def _constant(owner: str, name: str = "") -> str:
    return f"{owner}.{name}".strip(".").replace(".", "_")


def record(owner: str, found: object) -> None:
    """Note the originals that *owner* has just defined.

    :param found: the class or module itself, or the module from which *owner* will import them
    """
    if isinstance(found, type):
        _ORIGINALS[_constant(owner)] = found
    for row in ROWS:
        if row.owner == owner:
            for name in row.names:
                if hasattr(found, name):
                    _ORIGINALS[_constant(owner, name)] = getattr(found, name)


def _defined_by_library(owner: type | types.ModuleType, name: str) -> object:
    """The function *name* as *owner*'s module defines it; an object that nothing is if it is gone.

    Tracers may have been at work before this module is imported.  A function of ``http.client`` has
    the globals of that module, which no wrapper can claim, and a method of a socket is written in
    C.  Beneath a wrapper that says what it wraps, the original is found, and the fast path is open
    again once the wrapper is taken off.
    """
    module = sys.modules[owner.__module__ if isinstance(owner, type) else owner.__name__]
    found = vars(owner).get(name) or getattr(owner, name, None)
    for _ in range(100):  # wrappers that name each other must not keep us here
        if type(found) is types.MethodDescriptorType:
            return found
        if type(found) is types.FunctionType and found.__globals__ is vars(module):
            return found
        found = getattr(found, "__wrapped__", None)
    return object()


def _record_library() -> None:
    owners: dict[str, type | types.ModuleType] = {
        "http.client": http.client,
        "http.client.HTTPConnection": http.client.HTTPConnection,
        "http.client.HTTPResponse": http.client.HTTPResponse,
        "socket.socket": socket.socket,
    }
    with contextlib.suppress(ImportError):
        import ssl

        owners["ssl.SSLSocket"] = ssl.SSLSocket
    for owner, found in owners.items():
        _ORIGINALS[_constant(owner)] = found
    for row in ROWS:
        for name in row.names:
            library = owners.get(row.owner)
            # What is not known yet, or never will be, is an object that nothing is.
            original = object() if library is None else _defined_by_library(library, name)
            _ORIGINALS[_constant(row.owner, name)] = original
    record("queue", queue)


_record_library()


# ---------------------------------------------------------------- questions

# What is asked is a chain of "is", one for each name: there is nothing cheaper in bytecode.  The
# chains are written from the rows, as the standard library writes its named tuples; by hand each
# name would stand in three places.  Each is written when it is first asked, and takes the place of
# the function below that asks it: hence call them as attributes of this module.


def sending_patched(conn: typing.Any) -> bool:
    """Whether a step of sending a request on *conn* is patched.

    The steps must be taken likewise for HTTP/1.0, and to print what ``debuglevel`` asks for.
    """
    return _written("sending_patched", "conn")(conn)


def receiving_patched() -> bool:
    """Whether a step of receiving the head of an answer is patched."""
    return _written("receiving_patched")()


def construction_patched() -> bool:
    """Whether what sets up a response is patched."""
    return _written("construction_patched")()


def wire_patched(incoming: typing.Any) -> bool:
    """Whether a step of reading *incoming*, an ``IncomingResponse``, is patched."""
    return _written("wire_patched", "incoming")(incoming)


def whole_body_patched() -> bool:
    """Whether anybody would miss a response that is made with its body and never read."""
    return _written("whole_body_patched")()


def reading_patched(response: typing.Any) -> bool:
    """Whether a step of reading *response*, ours, is patched."""
    return _written("reading_patched", "response")(response)


def pieces_patched(response: typing.Any) -> bool:
    """The part of :func:`reading_patched` that is asked for each piece of a stream."""
    return _written("pieces_patched", "response")(response)


def chunks_patched(response: typing.Any) -> bool:
    """Whether a step of reading the chunks of *response*, ours, is patched."""
    return _written("chunks_patched", "response")(response)


def _written(name: str, parameter: str = "") -> "Callable[..., bool]":
    lines = [f"def {name}({parameter}):"]
    if parameter:
        lines.append(f" cls, own = type({parameter}), {parameter}.__dict__")
    lines.append(" return not (" + " and ".join(_conditions()[name]) + ")")
    exec("\n".join(lines), _ORIGINALS)  # noqa: S102  # every word of it is ours
    question: Callable[..., bool] = _ORIGINALS[name]
    return question


_CONNECTION, _RESPONSE = "http.client.HTTPConnection", "http.client.HTTPResponse"
_OUR_CONNECTION, _OUR_RESPONSE = ".connection.HTTPConnection", ".response.HTTPResponse"
_INCOMING = "._http1.answer.IncomingResponse"


def _conditions() -> dict[str, list[str]]:
    """Question -> under which conditions the answer is no."""
    construction = [
        *_all("construction", _OUR_RESPONSE),
        *_all("construction", ".response.BaseHTTPResponse"),
    ]
    wire = [*_all("reading", _RESPONSE), *_all("reading", _INCOMING)]
    return {
        "sending_patched": [
            *_all_of_type("sending", _CONNECTION, _OUR_CONNECTION),
            *_all("sending", _CONNECTION, *_names("sending", _OUR_CONNECTION)),  # ours call them
            *_none_on_instance(_names("sending", _CONNECTION)),
            "conn._http_vsn == 11",
            "conn.debuglevel == 0",
        ],
        "receiving_patched": [
            *_all("receiving", _CONNECTION),
            *_all("receiving", _RESPONSE),
            *_all("receiving", _INCOMING, "begin"),  # which asks for the other
        ],
        "construction_patched": construction,
        "wire_patched": [*wire, *_none_on_instance(_names("reading", _RESPONSE))],
        # What is read by read() alone, to its end.
        "whole_body_patched": [
            *_all("reading", _OUR_RESPONSE),
            *_all("reading", _RESPONSE, "read", "_safe_read", "close"),
            *_all("reading", _INCOMING),
            *_all("release", _OUR_RESPONSE),
            *construction,
        ],
        "reading_patched": [
            *_all_of_type("reading", _OUR_RESPONSE),
            *_none_on_instance(_names("reading", _OUR_RESPONSE)),
        ],
        "pieces_patched": [
            *_all_of_type("reading", _OUR_RESPONSE),
            *_all("reading", _RESPONSE, "read", "_safe_read"),
        ],
        "chunks_patched": [
            *_all_of_type("chunks", _OUR_RESPONSE),
            *_none_on_instance(_names("chunks", _OUR_RESPONSE)),
        ],
    }


def _names(kind: str, owner: str) -> list[str]:
    return [name for row in ROWS if (row.kind, row.owner) == (kind, owner) for name in row.names]


def _all(kind: str, owner: str, *only: str) -> list[str]:
    """That the names of *owner* itself are the originals."""
    return [
        f"{_constant(owner)}.{name} is {_constant(owner, name)}"
        for name in only or _names(kind, owner)
    ]


def _all_of_type(kind: str, owner: str, overridden_in: str = "") -> list[str]:
    """That those of the class of the object in hand are, which may be a subclass."""
    ours = _names(kind, overridden_in)
    return [
        f"cls.{name} is {_constant(overridden_in if name in ours else owner, name)}"
        for name in _names(kind, owner)
    ]


def _none_on_instance(names: list[str]) -> list[str]:
    """That no name is set on the object in hand itself."""
    # One by one: isdisjoint() would iterate over one of the two, at several times the cost.
    return [f"{name!r} not in own" for name in names]


def tls_patched(found: typing.Any) -> bool:
    """Whether *found*, an object with the names of the TLS row, has another than an original."""
    return any(
        getattr(found, name) is not _ORIGINALS[_constant(".connection", name)]
        for name in _names("TLS", ".connection")
    )


def sendall_patched(sock: typing.Any) -> bool:
    """Whether ``sendall`` of *sock*, a true socket, is patched."""
    known = (_ORIGINALS["socket_socket_sendall"], _ORIGINALS["ssl_SSLSocket_sendall"])
    return all(type(sock).sendall is not original for original in known) or "sendall" in getattr(
        sock, "__dict__", ()
    )


def status_patched(response_class: typing.Any) -> bool:
    """Whether *response_class* reads the status line, or the fields behind it, its own way."""
    return (
        response_class._read_status is not _ORIGINALS[_constant(_INCOMING, "_read_status")]
        or _ORIGINALS[_constant(_RESPONSE)]._read_status
        is not _ORIGINALS[_constant(_RESPONSE, "_read_status")]
        or _ORIGINALS[_constant(_RESPONSE)].begin is not _ORIGINALS[_constant(_RESPONSE, "begin")]
    )


@contextlib.contextmanager
def assume_patched(*kinds: str) -> "Iterator[None]":
    """Take every name of *kinds*, or of all, for patched: no fast path is taken.

    Tests compare both ways by it, and the benchmark of steps what each fast path saves.
    """
    names = [
        _constant(row.owner, name)
        for row in ROWS
        if row.kind in kinds or not kinds
        for name in row.names
    ]
    before = {name: _ORIGINALS[name] for name in names}
    _ORIGINALS.update(dict.fromkeys(names, object()))
    try:
        yield
    finally:
        _ORIGINALS.update(before)
