"""Statements about requests from inside Pyodide; a bench imports this there and calls :func:`run`.

Each function raises unless what its name says holds, in the environments named above it.
"""

from __future__ import annotations

import http.client
import importlib.util
import io
import sys
import traceback

import js
from pyodide.ffi import create_proxy, run_sync

import urllib3
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.contrib.emscripten import fetch
from urllib3.contrib.emscripten.connection import (
    EmscriptenHTTPConnection,
    EmscriptenHTTPSConnection,
)
from urllib3.contrib.emscripten.request import EmscriptenRequest
from urllib3.contrib.emscripten.response import (
    EmscriptenHttpResponseWrapper,
    EmscriptenResponse,
)
from urllib3.exceptions import InvalidHeader, MaxRetryError, ProtocolError
from urllib3.exceptions import TimeoutError as TimedOut
from urllib3.util import SKIP_HEADER

NODE = "node"  # runPythonAsync in Node.js: JSPI
NODE_SYNC = "node-sync"  # runPython in Node.js: no way out
PAGE = "page"  # runPython in the page's thread: XMLHttpRequest, as text
PAGE_ASYNC = "page-async"  # runPythonAsync there: JSPI
WORKER = "worker"  # runPython in a worker of an isolated page: XMLHttpRequest, and our worker
ENVIRONMENTS = (NODE, NODE_SYNC, PAGE, PAGE_ASYNC, WORKER)

CONNECTED = {NODE, PAGE, PAGE_ASYNC, WORKER}
BROWSERS = {PAGE, PAGE_ASYNC, WORKER}
STREAMING = {NODE, PAGE_ASYNC, WORKER}
JSPI = {NODE, PAGE_ASYNC}

CASES = {}
REFUSED = None


def case(environments):
    def add(function):
        CASES[function.__name__] = (environments, function)
        return function

    return add


def run(environment, url, refused, only=None):
    """The outcome of each case that belongs to *environment*: "" or a traceback.

    *url* is the site of ``server.py``, *refused* one where nobody listens.
    """
    global REFUSED
    REFUSED = refused
    outcomes = {}
    for name, (environments, function) in CASES.items():
        if environment in environments and (only is None or name == only):
            try:
                function(environment, url)
            except BaseException:
                outcomes[name] = traceback.format_exc()
            else:
                outcomes[name] = ""
    return outcomes


def raised(error, function, *args, **kw):
    try:
        function(*args, **kw)
    except error as caught:
        return caught
    raise AssertionError(f"no {error.__name__}")


class Console:
    """Collect what is said by ``console.warn``."""

    def __enter__(self):
        self.said = []
        self.original = js.console.warn
        self.ours = create_proxy(lambda *words: self.said.append(" ".join(map(str, words))))
        js.console.warn = self.ours
        fetch._warn_once.cache_clear()
        return self

    def __exit__(self, *exc_info):
        js.console.warn = self.original
        self.ours.destroy()


# ---------------------------------------------------------------- what there is


@case(set(ENVIRONMENTS))
def importing_needs_no_sockets_no_ssl_and_none_of_the_dependencies(environment, url):
    assert sys.platform == "emscripten"
    assert urllib3.__version__ == "2.8.0"
    for name in ("certifi", "idna"):
        assert importlib.util.find_spec(name) is None, name


@case(set(ENVIRONMENTS))
def importing_puts_our_connections_everywhere(environment, url):
    assert HTTPConnectionPool.ConnectionCls is EmscriptenHTTPConnection
    assert HTTPSConnectionPool.ConnectionCls is EmscriptenHTTPSConnection
    assert urllib3.connection.HTTPConnection is EmscriptenHTTPConnection
    assert urllib3.connection.HTTPSConnection is EmscriptenHTTPSConnection
    assert urllib3.connection.VerifiedHTTPSConnection is EmscriptenHTTPSConnection


@case(set(ENVIRONMENTS))
def the_environment_is_recognised(environment, url):
    assert fetch.is_in_node() == (environment in {NODE, NODE_SYNC})
    assert fetch.is_in_browser_main_thread() == (environment in {PAGE, PAGE_ASYNC})
    assert fetch.has_jspi() == (environment in JSPI)
    assert fetch.streaming_ready() is (True if environment == WORKER else None)
    if environment in BROWSERS:
        assert fetch.is_cross_origin_isolated()
        assert fetch.is_worker_available()


@case(JSPI)
def without_a_worker_there_is_none_to_wait_for(environment, url):
    assert run_sync(fetch.wait_for_streaming_ready()) is False


@case({WORKER})
def before_the_worker_runs_the_body_comes_at_once_and_the_console_says_why(environment, url):
    worker, fetch._worker = fetch._worker, None
    try:
        with Console() as console:
            response = urllib3.request("GET", f"{url}/echo", preload_content=False)
            assert response.json()["path"] == "/echo"
    finally:
        fetch._worker = worker
    (line,) = console.said
    assert line.startswith("Can't stream HTTP requests because: the streaming worker does not run")


@case(set(ENVIRONMENTS))
def a_connection_has_what_pools_ask_for(environment, url):
    conn = EmscriptenHTTPConnection("h")
    assert (conn.host, conn.port, conn.timeout, conn.blocksize) == ("h", 0, 0.0, 8192)
    assert EmscriptenHTTPConnection("h", timeout=1.5).timeout == 1.5
    assert EmscriptenHTTPConnection("h", timeout=2).timeout == 0.0
    conn = EmscriptenHTTPConnection(
        "h", 81, proxy=1, proxy_config=2, source_address=("a", 1), socket_options=[(1, 2, 3)]
    )
    unused = (conn.proxy, conn.proxy_config, conn.source_address, conn.socket_options)
    assert unused == (None, None, None, None)
    assert (conn.default_port, conn.scheme) == (80, "http")
    assert (conn.is_verified, conn.proxy_is_verified) == (False, None)
    assert conn.response_class is EmscriptenHttpResponseWrapper
    assert (conn.is_closed, conn.is_connected, conn.has_connected_to_proxy) == (True, True, False)
    assert conn.set_tunnel("x", 1, {}, "https") is None
    assert conn.connect() is None
    assert conn.is_closed
    assert not isinstance(conn, http.client.HTTPConnection)


@case(set(ENVIRONMENTS))
def a_secure_connection_accepts_every_tls_option_and_uses_none(environment, url):
    options = {
        "assert_hostname": "a", "assert_fingerprint": "b", "server_hostname": "c",
        "ssl_context": object(), "ca_certs": "d", "ca_cert_dir": "e", "ca_cert_data": "f",
        "ssl_minimum_version": 1, "ssl_maximum_version": 2, "ssl_version": 3,
        "cert_file": "g", "key_file": "h", "key_password": "i",
    }  # fmt: skip
    conn = EmscriptenHTTPSConnection("h", 443, cert_reqs="CERT_NONE", **options)
    assert {name: getattr(conn, name) for name in options} == options
    assert conn.cert_reqs is None
    assert (conn.default_port, conn.scheme, conn.is_verified) == (443, "https", True)
    conn.set_cert(ca_certs="other")
    assert conn.ca_certs == "d"


@case(set(ENVIRONMENTS))
def without_a_request_there_is_no_response(environment, url):
    raised(http.client.ResponseNotReady, EmscriptenHTTPConnection("h").getresponse)


@case(set(ENVIRONMENTS))
def a_request_writes_header_names_in_one_way(environment, url):
    request = EmscriptenRequest("GET", "http://h/")
    assert (request.params, request.body, request.headers) == (None, None, {})
    assert (request.timeout, request.decode_content) == (0, True)
    request.set_header("x-FOO", "1")
    request.set_header("X-foo", "2")
    request.set_body(b"x")
    assert (request.headers, request.body) == ({"X-foo": "2"}, b"x")


def made_up(headers, method="GET", status=200, body=b"0123456789"):
    request = EmscriptenRequest(method, "http://h/")
    return EmscriptenHttpResponseWrapper(EmscriptenResponse(status, headers, body, request), "/x")


@case(set(ENVIRONMENTS))
def a_response_knows_what_was_announced(environment, url):
    five = {"Content-Length": "5"}
    assert made_up(five).length_remaining == 5
    assert made_up({}).length_remaining is None
    assert made_up({"Content-Length": "many"}).length_remaining is None
    assert made_up({"Content-Length": "5, 5"}).length_remaining == 5
    for method, status in (("HEAD", 200), ("GET", 100), ("GET", 204), ("GET", 304)):
        assert made_up(five, method, status).length_remaining == 0
    error = raised(InvalidHeader, made_up, {"Content-Length": "5, 6"})
    assert str(error) == "Content-Length contained multiple unmatching values (5, 6)"


@case(set(ENVIRONMENTS))
def a_response_reads_as_a_file(environment, url):
    response = made_up({})
    assert (response.version, response.version_string, response.reason) == (0, "HTTP/?", "")
    assert (response.url, response.connection, response.retries) == ("/x", None, None)
    assert response.read(3) == b"012"
    assert response.read1(2) == b"34"
    assert not response.closed
    assert list(response.stream(3)) == [b"567", b"89"]
    assert response.closed
    assert (response.read(), response.read(3), response.read1()) == (b"", b"", b"")
    assert io.BufferedReader(made_up({})).read() == b"0123456789"
    assert made_up({}).read(-1) == b"0123456789"
    assert list(made_up({}).read_chunked()) == [b"0123456789"]
    kept = made_up({})
    assert kept.data == kept.data == b"0123456789"
    with made_up({}) as given_up:
        assert given_up.read(1) == b"0"
    assert given_up.closed
    assert given_up.read() == b""
    assert made_up({}, body=b'{"a": [1]}').json() == {"a": [1]}


# ---------------------------------------------------------------- requests


@case({NODE_SYNC})
def in_node_without_jspi_the_error_says_what_to_do(environment, url):
    text = (
        "urllib3 only works in Node.js with pyodide.runPythonAsync and requires the flag "
        "--experimental-wasm-stack-switching in  versions of node <24."
    )
    for preload in (True, False):
        error = raised(
            ProtocolError, urllib3.request, "GET", url, retries=False, preload_content=preload
        )
        assert error.args[0] == "Connection aborted."
        assert isinstance(error.args[1], http.client.HTTPException)
        assert str(error.args[1]) == text
        assert isinstance(error.args[1].__cause__, fetch._RequestError)


@case(CONNECTED)
def a_get_brings_status_headers_and_body(environment, url):
    response = urllib3.request("GET", f"{url}/echo/a%20b?x=1#frag", headers={"x-foo": "bar"})
    assert response.status == 200
    assert isinstance(response, EmscriptenHttpResponseWrapper)
    assert response.headers["content-type"] == "application/json"
    heard = response.json()
    assert (heard["method"], heard["path"]) == ("GET", "/echo/a%20b?x=1")
    assert heard["headers"]["X-foo"] == "bar"
    assert heard["body"] == ""


@case(CONNECTED)
def every_value_of_a_header_is_sent_and_none_that_was_to_be_left_out(environment, url):
    headers = urllib3.HTTPHeaderDict({"x-one": "1", "User-Agent": SKIP_HEADER})
    headers.add("x-many", "a")
    headers.add("X-Many", "b")
    heard = urllib3.request("GET", f"{url}/echo", headers=headers).json()["headers"]
    assert (heard["X-one"], heard["X-many"]) == ("1", "a, b")
    assert not [value for value in heard.values() if SKIP_HEADER in value]
    heard = urllib3.request("GET", f"{url}/echo", headers={b"x-raw": b"\xe9", "x-int": 7}).json()
    assert (heard["headers"]["X-raw"], heard["headers"]["X-int"]) == ("\xe9", "7")


@case(CONNECTED)
def headers_of_a_client_that_frames_its_bodies_do_no_harm(environment, url):
    headers = {"Content-Length": "3", "Connection": "keep-alive", "Accept-Encoding": "gzip"}
    heard = urllib3.request("POST", f"{url}/echo", body=b"abc", headers=headers).json()
    assert heard["body"] == "abc"


@case(CONNECTED)
def every_kind_of_body_is_sent(environment, url):
    heard = urllib3.request("POST", f"{url}/echo", json={"a": "\xe9"}).json()
    assert heard["headers"]["Content-type"] == "application/json"
    assert heard["body"] == '{"a":"\xc3\xa9"}' or heard["body"] == '{"a":"\\u00e9"}'
    for body in (b"abc", "abc", bytearray(b"abc"), io.BytesIO(b"abc"), [b"a", b"bc"]):
        heard = urllib3.request("PUT", f"{url}/echo", body=body).json()
        assert (heard["method"], heard["body"]) == ("PUT", "abc"), body
    heard = urllib3.request("POST", f"{url}/echo", fields={"k": "v"}).json()
    assert "multipart/form-data" in heard["headers"]["Content-type"]
    assert urllib3.request("POST", f"{url}/echo", body=b"").json()["body"] == ""


@case(CONNECTED)
def an_error_status_is_an_answer(environment, url):
    for status, body in ((404, b"status 404"), (500, b"status 500"), (204, b"")):
        response = urllib3.request("GET", f"{url}/status/{status}")
        assert (response.status, response.data) == (status, body)


@case(CONNECTED)
def head_has_headers_and_no_body(environment, url):
    response = urllib3.request("HEAD", f"{url}/echo")
    assert response.status == 200
    assert int(response.headers["Content-Length"]) > 0
    assert response.length_remaining == 0
    assert response.data == b""


@case(CONNECTED)
def the_runtime_undoes_content_codings(environment, url):
    response = urllib3.request("GET", f"{url}/gzip")
    assert response.data == b"unpacked " * 100
    response = urllib3.request("GET", f"{url}/gzip", preload_content=False, decode_content=False)
    assert response.read(decode_content=False) == b"unpacked " * 100


@case(CONNECTED)
def every_byte_arrives_as_it_was(environment, url):
    assert urllib3.request("GET", f"{url}/bytes").data == bytes(range(256)) * 8000


@case(CONNECTED)
def a_pool_serves_many_requests_and_gets_its_connection_back(environment, url):
    with HTTPConnectionPool(
        "127.0.0.1", int(url.rpartition(":")[2]), maxsize=1, block=True
    ) as pool:
        for _ in range(2):
            assert pool.request("GET", "/echo").status == 200
        for _ in range(2):
            with pool.request("GET", "/echo", preload_content=False, pool_timeout=0) as response:
                assert response.read()
        pool.request("GET", "/echo", preload_content=False, pool_timeout=0).drain_conn()
        assert pool.request("GET", "/echo", pool_timeout=0).status == 200
        assert pool.num_connections == 1
        assert pool.num_requests == 6


@case({NODE})
def node_keeps_every_cookie_and_sends_our_user_agent(environment, url):
    response = urllib3.request("GET", f"{url}/cookies")
    assert response.headers.getlist("set-cookie") == ["a=1", "b=2"]
    heard = urllib3.request("GET", f"{url}/echo", headers={"user-agent": "mine"}).json()
    assert {name.lower(): value for name, value in heard["headers"].items()}["user-agent"] == "mine"


@case(BROWSERS)
def a_browser_names_itself(environment, url):
    for preload in (True, False):
        response = urllib3.request(
            "GET", f"{url}/echo", headers={"User-Agent": "mine"}, preload_content=preload
        )
        heard = response.json()
        assert heard["headers"]["User-Agent"].startswith("Mozilla/"), preload
    assert urllib3.request("GET", f"{url}/cookies").headers["x-seen"] == "yes"


# ---------------------------------------------------------------- redirects


@case(CONNECTED)
def a_redirect_is_followed(environment, url):
    response = urllib3.request("GET", f"{url}/redirect/302")
    assert response.json()["path"] == "/echo/landed"
    if environment == NODE:
        assert [hop.status for hop in response.retries.history] == [302]
        assert response.geturl() == "/echo/landed"


@case(CONNECTED)
def a_post_becomes_a_get_by_303_and_stays_by_307(environment, url):
    heard = urllib3.request("POST", f"{url}/redirect/303", body=b"abc").json()
    assert (heard["method"], heard["body"]) == ("GET", "")
    heard = urllib3.request("POST", f"{url}/redirect/307", body=b"abc").json()
    assert (heard["method"], heard["body"]) == ("POST", "abc")


@case({NODE})
def in_node_a_redirect_is_not_followed_against_the_callers_will(environment, url):
    for will in (
        {"redirect": False},
        {"retries": False},
        {"retries": urllib3.Retry(redirect=False)},
    ):
        response = urllib3.request("GET", f"{url}/redirect/302", **will)
        assert response.status == 302, will
        assert response.headers["location"] == "/echo/landed"
        assert response.data == b"elsewhere"
    for retries in (0, urllib3.Retry(redirect=0)):
        error = raised(
            MaxRetryError, urllib3.request, "GET", f"{url}/redirect/302", retries=retries
        )
        assert "too many redirects" in str(error)
    with urllib3.PoolManager(retries=0) as manager:
        raised(MaxRetryError, manager.request, "GET", f"{url}/redirect/302")


# ---------------------------------------------------------------- streams


@case(STREAMING)
def a_stream_brings_each_piece_as_it_comes(environment, url):
    cue = f"{environment}-pieces"
    response = urllib3.request("GET", f"{url}/stream/{cue}", preload_content=False)
    pieces = response.stream()
    assert next(pieces) == b"first"
    assert urllib3.request("GET", f"{url}/cue/{cue}").status == 200
    assert list(pieces) == [b"second"]
    assert response.closed


@case(STREAMING)
def read_fills_up_to_what_was_asked_for(environment, url):
    cue = f"{environment}-fills"
    response = urllib3.request("GET", f"{url}/stream/{cue}", preload_content=False)
    assert response.read(3) == b"fir"
    assert response.read1() == b"st"
    assert urllib3.request("GET", f"{url}/cue/{cue}").status == 200
    assert response.read(100) == b"second"
    assert response.read() == b""


@case(CONNECTED)
def a_large_stream_is_whole(environment, url):
    response = urllib3.request("GET", f"{url}/bytes", preload_content=False)
    assert b"".join(response.stream(100000)) == bytes(range(256)) * 8000
    response = urllib3.request("GET", f"{url}/bytes", preload_content=False)
    assert response.read() == bytes(range(256)) * 8000
    response = urllib3.request("HEAD", f"{url}/bytes", preload_content=False)
    assert response.read() == b""


@case(STREAMING)
def a_stream_can_be_given_up(environment, url):
    with HTTPConnectionPool(
        "127.0.0.1", int(url.rpartition(":")[2]), maxsize=1, block=True
    ) as pool:
        response = pool.request("GET", "/stall", preload_content=False)
        assert response.read1() == b"first"
        response.close()
        assert response.read() == b""
        response.drain_conn()
        assert pool.request("GET", "/echo", pool_timeout=0).status == 200


@case({PAGE})
def where_nothing_streams_the_body_comes_at_once_and_the_console_says_why(environment, url):
    with Console() as console:
        for _ in range(2):
            response = urllib3.request("GET", f"{url}/echo", preload_content=False)
            assert next(iter(response.stream(10)))[:1] == b"{"
    streaming = [line for line in console.said if "stream" in line]
    assert len(streaming) == 1
    assert streaming[0].startswith("Can't stream HTTP requests because: ")


# ---------------------------------------------------------------- what goes wrong


def aborted(error):
    assert isinstance(error, ProtocolError), repr(error)
    assert error.args[0] == "Connection aborted."
    assert isinstance(error.args[1], http.client.HTTPException), repr(error.args[1])
    assert isinstance(error.args[1].__cause__, fetch._RequestError)
    return str(error.args[1])


@case(CONNECTED)
def a_network_failure_is_an_aborted_connection(environment, url):
    text = aborted(raised(ProtocolError, urllib3.request, "GET", REFUSED, retries=False))
    assert text
    if environment == PAGE_ASYNC:
        assert text == "Failed to fetch"
    error = raised(MaxRetryError, urllib3.request, "GET", REFUSED, retries=0)
    aborted(error.reason)
    error = raised(
        ProtocolError, urllib3.request, "GET", REFUSED, retries=False, preload_content=False
    )
    text = aborted(error)
    if environment == WORKER:
        assert text == "Exception thrown in fetch: Failed to fetch"


@case({NODE, PAGE_ASYNC, WORKER})
def an_answer_that_takes_too_long_is_a_timeout(environment, url):
    silence = f"{url}/silence"
    error = raised(TimedOut, urllib3.request, "GET", silence, retries=False, timeout=0.2)
    if environment in JSPI:
        assert str(error) == "Request timed out"
    assert isinstance(error.__cause__, fetch._TimeoutError)
    error = raised(MaxRetryError, urllib3.request, "GET", silence, retries=0, timeout=0.2)
    assert isinstance(error.reason, TimedOut)
    error = raised(
        TimedOut,
        urllib3.request, "GET", silence, retries=False, timeout=0.2, preload_content=False,
    )  # fmt: skip
    expected = "Timeout connecting to streaming request" if environment == WORKER else str(error)
    assert str(error) == expected


@case(STREAMING)
def a_body_that_takes_too_long_is_a_timeout(environment, url):
    with HTTPConnectionPool(
        "127.0.0.1", int(url.rpartition(":")[2]), maxsize=1, block=True
    ) as pool:
        response = pool.request("GET", "/stall", timeout=0.5, preload_content=False)
        assert response.read1() == b"first"
        error = raised(TimedOut, response.read1)
        assert str(error) == "Request timed out"
        assert response.read() == b""
        assert pool.request("GET", "/echo", pool_timeout=0).status == 200
    raised(TimedOut, urllib3.request, "GET", f"{url}/stall", timeout=0.5, retries=False)


@case(STREAMING)
def a_body_that_breaks_off_is_an_error_of_http(environment, url):
    response = urllib3.request("GET", f"{url}/breaks", preload_content=False)
    error = raised(http.client.HTTPException, response.read)
    assert isinstance(error.__cause__, fetch._RequestError)
    assert response.closed


@case({PAGE})
def in_the_pages_thread_a_timeout_is_not_kept_and_the_console_says_so_once(environment, url):
    with Console() as console:
        for _ in range(2):
            assert urllib3.request("GET", f"{url}/echo", timeout=0.5).status == 200
    assert console.said == ["Warning: Timeout is not available on main browser thread"]


@case(CONNECTED)
def a_connection_can_be_used_by_hand(environment, url):
    conn = EmscriptenHTTPConnection("127.0.0.1", int(url.rpartition(":")[2]))
    conn.request("GET", "/echo/by-hand")
    assert not conn.is_closed
    response = conn.getresponse()
    assert response.url == "/echo/by-hand"
    assert response.connection is conn
    assert response.json()["path"] == "/echo/by-hand"
    response.close()
    assert conn.is_closed
    raised(http.client.ResponseNotReady, conn.getresponse)
