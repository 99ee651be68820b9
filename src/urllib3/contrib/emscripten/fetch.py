"""How a blocking call makes a request from WebAssembly, where blocking is not possible.

There are three ways; the first that works is used:

=================  ======================================  ====================  ================
way                works where                             timeouts              streams the body
=================  ======================================  ====================  ================
JSPI               the engine can suspend WebAssembly      yes                   yes
worker             in a web worker whose page is           yes                   yes
                   cross-origin isolated
XMLHttpRequest     in any browser                          not in the page's     no
                                                           own thread
=================  ======================================  ====================  ================

JSPI is WebAssembly's promise integration: ``run_sync`` suspends Python until a promise is settled.
The worker fetches for us and answers through shared memory, on which our thread may sleep.
In the page's own thread an ``XMLHttpRequest`` hands bytes over only as text; a body that starts
with a byte order mark is decoded by it and cannot be had unchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.resources
import io
import json
import typing

import js
from pyodide.ffi import JsException, create_proxy, to_js

from ..._collections import HTTPHeaderDict
from .request import _RequestError, _StreamingError, _TimeoutError
from .response import EmscriptenResponse

try:
    from pyodide.ffi import can_run_sync, run_sync
except ImportError:  # Pyodide before 0.26

    def can_run_sync() -> bool:
        """Whether ``run_sync`` works here and now."""
        return False


if typing.TYPE_CHECKING:
    from collections.abc import Iterator

    from .request import EmscriptenRequest

# Status codes of the worker; a positive one is the number of bytes that it has stored.
_HEADERS, _END, _WAITING, _EXCEPTION = -1, -2, -3, -4

# Bytes of shared memory for one request: status and length as int32, then data.
_SHARED_SIZE = 1048576
_DATA_OFFSET = 8


# ---------------------------------------------------------------- what the runtime can do


def is_in_browser_main_thread() -> bool:
    """Whether this is the thread of a page, which must not wait."""
    return hasattr(js, "window") and hasattr(js, "self") and bool(js.self == js.window)


def is_cross_origin_isolated() -> bool:
    """Whether memory may be shared with a worker (the page's COOP and COEP headers decide)."""
    return bool(getattr(js, "crossOriginIsolated", False))


def is_in_node() -> bool:
    """Whether the runtime is Node.js."""
    release = getattr(getattr(js, "process", None), "release", None)
    return getattr(release, "name", None) == "node"


def is_worker_available() -> bool:
    """Whether web workers can be made."""
    return hasattr(js, "Worker") and hasattr(js, "Blob")


def has_jspi() -> bool:
    """Whether WebAssembly can be suspended now: the engine knows how, and Python runs as async."""
    return bool(can_run_sync())


def streaming_ready() -> bool | None:
    """Whether the streaming worker runs; None if there is none."""
    return None if _worker is None else _worker.ready


async def wait_for_streaming_ready() -> bool:
    """Wait until the streaming worker runs; False if there is none, or it could not start."""
    return False if _worker is None else await _worker.started()


# ---------------------------------------------------------------- the two entry points


def send_request(request: EmscriptenRequest) -> EmscriptenResponse:
    """Send *request* and read the whole answer.

    Raises :class:`_TimeoutError` and :class:`_RequestError`.
    """
    if has_jspi():
        response = _send_by_jspi(request)
        response.body = typing.cast("io.BufferedReader", response.body).read()
        return response
    _refuse_plain_node(request)
    return _send_by_xhr(request)


def send_streaming_request(request: EmscriptenRequest) -> EmscriptenResponse | None:
    """Send *request*; the answer's body is a stream.  None where streaming is impossible.

    Raises as :func:`send_request` does, and so does reading the stream.
    """
    if has_jspi():
        return _send_by_jspi(request)
    _refuse_plain_node(request)
    if _worker is not None and _worker.ready:
        return _worker.send(request)
    _warn_once(f"Can't stream HTTP requests because: {_why_no_stream()}")
    return None


def _refuse_plain_node(request: EmscriptenRequest) -> None:
    if is_in_node():
        raise _RequestError(
            "urllib3 only works in Node.js with pyodide.runPythonAsync and requires the flag "
            "--experimental-wasm-stack-switching in  versions of node <24.",
            request=request,
        )


def _why_no_stream() -> str:
    if is_in_browser_main_thread():
        return (
            "Python runs in the main browser thread. Run it by pyodide.runPythonAsync in a "
            "browser with WebAssembly promise integration, or in a web worker."
        )
    if not is_cross_origin_isolated():
        return "the page is not cross-origin isolated (headers COOP and COEP)."
    if not is_worker_available():
        return "web workers are not available here."
    return (
        "the streaming worker does not run yet. Await "
        "urllib3.contrib.emscripten.fetch.wait_for_streaming_ready() first."
    )


@functools.cache
def _warn_once(text: str) -> None:
    js.console.warn(text)


# ---------------------------------------------------------------- shared by all ways


def _object(**members: typing.Any) -> typing.Any:
    return to_js(members, dict_converter=js.Object.fromEntries)


def _milliseconds(request: EmscriptenRequest) -> int | None:
    return max(int(request.timeout * 1000), 1) if request.timeout > 0 else None


def _headers_to_send(request: EmscriptenRequest) -> dict[str, str]:
    if is_in_node():
        return request.headers
    # A browser names itself; another name would cost cross-origin requests a preflight.
    return {name: value for name, value in request.headers.items() if name.lower() != "user-agent"}


def _fetch_options(request: EmscriptenRequest) -> dict[str, typing.Any]:
    options = {"method": request.method, "headers": _headers_to_send(request)}
    if request.body:
        options["body"] = request.body
    return options


class _Stream(io.RawIOBase):
    """A body that comes in pieces."""

    def __init__(self) -> None:
        self._piece = memoryview(b"")

    def _next_piece(self) -> bytes:
        """Wait for more; nothing means the end."""
        raise NotImplementedError

    def _cancel(self) -> None:
        """Give up what has not been received."""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: typing.Any) -> int:
        """Fill *buffer* from one piece; 0 at the end."""
        if not self._piece and not self.closed:
            self._piece = memoryview(self._next_piece())
        count = min(len(self._piece), len(buffer))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def close(self) -> None:
        """Stop the transfer."""
        if not self.closed:
            self._cancel()
        super().close()


def _buffered(stream: _Stream) -> io.BufferedReader:
    return io.BufferedReader(stream, buffer_size=65536)


# ---------------------------------------------------------------- JSPI


def _send_by_jspi(request: EmscriptenRequest) -> EmscriptenResponse:
    controller = js.AbortController.new()
    options = _fetch_options(request)
    if is_in_node():
        # Node shows redirects to us, and we follow them; a browser would hide where they lead.
        options["redirect"] = "manual"
    with _awaiting(request, controller):
        answer = run_sync(js.fetch(request.url, _object(signal=controller.signal, **options)))
    response = EmscriptenResponse(
        status_code=answer.status,
        headers=HTTPHeaderDict([tuple(field) for field in answer.headers.entries()]),
        body=b"",
        request=request,
    )
    reader = answer.body.getReader() if answer.body else None
    response.body = _buffered(_FetchStream(reader, controller, request))
    return response


@contextlib.contextmanager
def _awaiting(request: EmscriptenRequest, controller: typing.Any) -> Iterator[None]:
    """Limit one wait by the request's timeout, and say what went wrong in our terms."""
    limit = _milliseconds(request)
    timer = None
    if limit is not None:
        timer = js.setTimeout(controller.abort.bind(controller), limit)
    try:
        yield
    except JsException as error:
        if error.name == "AbortError":
            raise _TimeoutError("Request timed out", request=request) from error
        raise _RequestError(error.message, request=request) from error
    finally:
        if timer is not None:
            js.clearTimeout(timer)


class _FetchStream(_Stream):
    """The body of a ``fetch``."""

    def __init__(self, reader: typing.Any, controller: typing.Any, request: EmscriptenRequest):
        super().__init__()
        self._reader = reader
        self._controller = controller
        self._request = request

    def _next_piece(self) -> bytes:
        while self._reader is not None:
            with _awaiting(self._request, self._controller):
                result = run_sync(self._reader.read())
            if result.done:
                self._reader = None
            elif result.value.length:
                return typing.cast("bytes", result.value.to_bytes())
        return b""

    def _cancel(self) -> None:
        if self._reader is not None:
            self._reader = None
            self._controller.abort()


# ---------------------------------------------------------------- XMLHttpRequest


def _send_by_xhr(request: EmscriptenRequest) -> EmscriptenResponse:
    xhr = js.XMLHttpRequest.new()
    xhr.open(request.method, request.url, False)
    as_text = is_in_browser_main_thread()
    if as_text:
        # Bytes from 80 hex upwards become U+F780 and up: the low halves are the bytes.
        xhr.overrideMimeType("text/plain; charset=x-user-defined")
        if request.timeout:
            _warn_once("Warning: Timeout is not available on main browser thread")
    else:
        xhr.responseType = "arraybuffer"
        xhr.timeout = _milliseconds(request) or 0
    for name, value in _headers_to_send(request).items():
        xhr.setRequestHeader(name, value)
    try:
        xhr.send(to_js(request.body))
    except JsException as error:
        failure = _TimeoutError if error.name == "TimeoutError" else _RequestError
        raise failure(error.message, request=request) from error
    body = xhr.responseText.encode("utf-16-le")[::2] if as_text else xhr.response.to_bytes()
    return EmscriptenResponse(
        status_code=xhr.status,
        headers=HTTPHeaderDict(_parse_fields(xhr.getAllResponseHeaders())),
        body=body,
        request=request,
    )


def _parse_fields(text: str) -> list[tuple[str, str]]:
    lines = (line.partition(":") for line in text.split("\r\n") if line)
    return [(name, value.strip()) for name, _, value in lines]


# ---------------------------------------------------------------- the streaming worker


class _StreamingWorker:
    """A web worker that fetches while this thread sleeps on shared memory."""

    def __init__(self) -> None:
        package = importlib.resources.files(__package__)
        source = package.joinpath("emscripten_fetch_worker.js").read_text(encoding="utf-8")
        blob = js.Blob.new(to_js([source]), _object(type="application/javascript"))
        url = js.URL.createObjectURL(blob)
        self._settled = asyncio.Event()
        self._failed = False
        self._worker = js.Worker.new(url)
        self._worker.onmessage = create_proxy(self._on_message)
        self._worker.onerror = create_proxy(self._on_error)

    def _on_message(self, event: typing.Any) -> None:
        if event.data.inited:
            self._settled.set()

    def _on_error(self, event: typing.Any) -> None:
        self._failed = True
        self._settled.set()
        js.console.warn(f"urllib3's streaming worker failed: {event.message}")

    @property
    def ready(self) -> bool:
        """Whether the worker takes requests."""
        return self._settled.is_set() and not self._failed

    async def started(self) -> bool:
        """Wait for the worker; whether it takes requests."""
        await self._settled.wait()
        return self.ready

    def send(self, request: EmscriptenRequest) -> EmscriptenResponse:
        """Have the worker fetch *request*."""
        memory = _SharedMemory(self._worker, request)
        status = memory.ask(
            buffer=memory.buffer, url=request.url, fetchParams=_fetch_options(request)
        )
        if status == _WAITING:
            raise _TimeoutError("Timeout connecting to streaming request", request=request)
        if status != _HEADERS:
            raise memory.failure(status)
        head = json.loads(memory.text())
        return EmscriptenResponse(
            status_code=head["status"],
            headers=HTTPHeaderDict(head["headers"]),
            body=_buffered(_WorkerStream(memory, head["connectionID"])),
            request=request,
        )


class _SharedMemory:
    """What is shared with the worker for one request, and the waiting on it."""

    def __init__(self, worker: typing.Any, request: EmscriptenRequest) -> None:
        self._worker = worker
        self._request = request
        self.buffer = js.SharedArrayBuffer.new(_SHARED_SIZE)
        self._numbers = js.Int32Array.new(self.buffer)
        self._data = js.Uint8Array.new(self.buffer, _DATA_OFFSET)

    def post(self, **message: typing.Any) -> None:
        """Send the worker a message that it does not answer."""
        self._worker.postMessage(_object(**message))

    def ask(self, **message: typing.Any) -> int:
        """Send the worker a message and wait for the status it answers with.

        ``_WAITING`` means that there was none in time; the worker then drops the request.
        """
        js.Atomics.store(self._numbers, 0, _WAITING)
        self.post(**message)
        js.Atomics.wait(self._numbers, 0, _WAITING, _milliseconds(self._request))
        # In one step, as the answer may come at this very moment: either it counts or it never did.
        return typing.cast("int", js.Atomics.compareExchange(self._numbers, 0, _WAITING, _END))

    def data(self, length: int) -> bytes:
        """The first *length* bytes of the data."""
        return typing.cast("bytes", self._data.slice(0, length).to_bytes())

    def text(self) -> str:
        """The data as text, whose length the worker has noted beside the status."""
        return self.data(self._numbers[1]).decode("utf-8")

    def failure(self, status: int) -> _RequestError:
        """The error for a status that is none of those hoped for."""
        if status == _EXCEPTION:
            text = f"Exception thrown in fetch: {self.text()}"
        else:
            text = f"Unknown status from worker in fetch: {status}"
        return _StreamingError(text, request=self._request)

    def timed_out(self) -> _TimeoutError:
        """The error for a wait that was too long."""
        return _TimeoutError("Request timed out", request=self._request)


class _WorkerStream(_Stream):
    """A body that the worker reads for us."""

    def __init__(self, memory: _SharedMemory, connection_id: int) -> None:
        super().__init__()
        self._memory = memory
        self._id: int | None = connection_id

    def _next_piece(self) -> bytes:
        if self._id is None:
            return b""
        status = self._memory.ask(getMore=self._id)
        if status > 0:
            return self._memory.data(status)
        self._id = None  # the worker has let go of it as well
        if status == _END:
            return b""
        raise self._memory.timed_out() if status == _WAITING else self._memory.failure(status)

    def _cancel(self) -> None:
        if self._id is not None:
            self._memory.post(close=self._id)
            self._id = None


def _wants_worker() -> bool:
    return (
        is_worker_available()
        and is_cross_origin_isolated()
        and not is_in_browser_main_thread()
        and not is_in_node()
    )


_worker = _StreamingWorker() if _wants_worker() else None
