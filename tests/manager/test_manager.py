"""Managers: which pool a request belongs to, and where a redirect leads."""

from __future__ import annotations

import gc
import io
import logging
import socket
import threading
import warnings
from collections import OrderedDict, UserDict

import pytest

import urllib3
from tests.support.scripted import Close, Recv, Send, Stall, Wait, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry, Timeout
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import (
    LocationParseError,
    LocationValueError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
    ResponseError,
    URLSchemeUnknown,
)
from urllib3.poolmanager import (
    SSL_KEYWORDS,
    PoolKey,
    _default_key_normalizer,
    _Snapshot,
    key_fn_by_scheme,
    pool_classes_by_scheme,
)
from urllib3.util import parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def redirect(location, status=302, extra=""):
    return (
        f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode("latin-1")


def answer(request):
    return OK


def lines(server):
    return [request.line.removesuffix(" HTTP/1.1") for request in server.requests]


@pytest.fixture
def manager():
    with PoolManager() as manager:
        yield manager


@pytest.fixture
def dead_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


# ---------------------------------------------------------------- keys


def test_the_fields_of_a_key():
    """The two that 2.8.0 lacks stand last and have a default."""
    assert PoolKey._fields[:29] == tuple(
        f"key_{name}"
        for name in (
            *("scheme", "host", "port", "timeout", "retries", "block", "source_address"),
            *("key_file", "key_password", "cert_file", "cert_reqs", "ca_certs", "ca_cert_data"),
            *("ssl_version", "ssl_minimum_version", "ssl_maximum_version", "ca_cert_dir"),
            *("ssl_context", "maxsize", "headers", "_proxy", "_proxy_headers", "_proxy_config"),
            *("socket_options", "_socks_options", "assert_hostname", "assert_fingerprint"),
            *("server_hostname", "blocksize"),
        )
    )
    assert PoolKey._field_defaults == {"key_idle_timeout": None, "key_max_age": None}


def key_of(**context):
    return _default_key_normalizer(PoolKey, {"scheme": "http", "host": "h", "port": 1, **context})


def test_a_key_is_made_of_normalised_settings():
    context = {"scheme": "HTTP", "host": "H", "headers": {"A": "1"}, "socket_options": [(1, 2, 3)]}
    before = dict(context)
    key = _default_key_normalizer(PoolKey, context)
    assert context == before
    assert (key.key_scheme, key.key_host, key.key_port) == ("http", "h", None)
    assert key.key_headers == frozenset({("A", "1")})
    assert key.key_socket_options == ((1, 2, 3),)
    assert key.key_blocksize == 16384
    assert key_of(_socks_options={"a": "b"}).key__socks_options == frozenset({("a", "b")})
    assert key_of(headers={"A": "1"}) != key_of(headers={"a": "1"})
    assert key_of(headers={"A": "1", "B": "2"}) == key_of(headers={"B": "2", "A": "1"})
    for missing in ("scheme", "host"):
        with pytest.raises(KeyError, match=missing):
            _default_key_normalizer(PoolKey, {k: v for k, v in context.items() if k != missing})


def test_what_cannot_be_part_of_a_key():
    manager = PoolManager(foo=1)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'key_foo'"):
        manager.connection_from_host("h")
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        PoolManager(timeout=[1]).connection_from_host("h")
    assert key_of(retries=Retry(1)) != key_of(retries=Retry(1))
    shared = Timeout(1)
    assert key_of(timeout=shared) == key_of(timeout=shared) != key_of(timeout=Timeout(1))


def test_the_registries_belong_to_the_manager_or_to_all(manager):
    assert manager.key_fn_by_scheme == key_fn_by_scheme
    assert manager.key_fn_by_scheme is not key_fn_by_scheme
    assert manager.pool_classes_by_scheme is pool_classes_by_scheme
    assert len(SSL_KEYWORDS) == 14
    assert set(SSL_KEYWORDS) < {field.removeprefix("key_") for field in PoolKey._fields}

    manager.key_fn_by_scheme["http"] = lambda context: tuple(sorted(context))
    assert manager.connection_from_host("a") is manager.connection_from_host("b")
    assert key_fn_by_scheme["http"] is not manager.key_fn_by_scheme["http"]

    class Mine(HTTPConnectionPool):
        scheme = "mine"

    manager.pool_classes_by_scheme = {"http": Mine, "mine": Mine}
    manager.key_fn_by_scheme["mine"] = lambda context: "mine"
    assert type(manager.connection_from_host("c", scheme="mine")) is Mine
    assert type(manager.connection_from_host("c", 1, pool_kwargs={"block": True})) is Mine
    assert pool_classes_by_scheme["http"] is HTTPConnectionPool


def test_a_remembered_key_follows_the_settings(manager):
    first = manager.connection_from_host("h")
    assert manager.connection_from_host("h") is first
    manager.connection_pool_kw["maxsize"] = 7
    second = manager.connection_from_host("h")
    assert (second.pool.maxsize, first.pool.maxsize) == (7, 1)
    manager.connection_pool_kw = {"maxsize": 8, "socket_options": []}
    third = manager.connection_from_host("h")
    assert third.pool.maxsize == 8
    manager.connection_pool_kw["socket_options"].append((1, 2, 3))
    assert manager.connection_from_host("h") is not third
    manager.connection_pool_kw = {}
    assert manager.connection_from_host("h") is first


def test_a_remembered_key_follows_headers_that_change_in_place():
    headers = HTTPHeaderDict(A="1")
    manager = PoolManager(_proxy_headers=headers)
    first = manager.connection_from_host("h")
    headers["A"] = "2"
    second = manager.connection_from_host("h")
    assert second is not first
    headers["A"] = "1"
    assert manager.connection_from_host("h") is first


def test_a_remembered_key_follows_its_function(manager):
    first = manager.connection_from_host("h")
    manager.key_fn_by_scheme["http"] = lambda context: ("mine", context["host"])
    second = manager.connection_from_host("h")
    assert second is not first
    manager.key_fn_by_scheme = dict(key_fn_by_scheme)
    assert manager.connection_from_host("h") is first


def counted(monkeypatch):
    """The places for which keys are made from now on."""
    made, make = [], _Snapshot.make

    def counting(snapshot, *place):
        made.append(place)
        return make(snapshot, *place)

    monkeypatch.setattr(_Snapshot, "make", counting)
    return made


def test_a_key_is_made_once_for_each_place_and_few_are_kept(manager, monkeypatch):
    made = counted(monkeypatch)
    for _ in range(50):
        manager.connection_from_host("h")
        manager.connection_from_host("h", 80)
        manager.connection_from_host("h", scheme="https")
    assert made == [("http", "h", 80), ("https", "h", 443)]
    for number in range(3000):
        manager.connection_from_host(f"h{number}")
    assert len(manager._keys._known.keys) == _Snapshot.MAX_KEYS


def test_a_key_function_of_ones_own_is_asked_each_time(manager):
    """It may look at anything, and what it looks at may change."""
    tenant = "a"
    manager.key_fn_by_scheme["http"] = lambda context: (tenant, context["host"])
    first = manager.connection_from_host("h")
    assert manager.connection_from_host("h") is first
    tenant = "b"
    assert manager.connection_from_host("h") is not first


def test_a_key_function_that_compares_equal_is_another(manager):
    class Wrapper:
        def __init__(self, wrapped):
            self.wrapped = wrapped

        def __eq__(self, other):
            return self.wrapped == other

        __hash__ = None

        def __call__(self, context):
            return self.wrapped({**context, "maxsize": 7})

    first = manager.connection_from_host("h")
    manager.key_fn_by_scheme["http"] = Wrapper(manager.key_fn_by_scheme["http"])
    assert manager.connection_from_host("h") is not first


def test_settings_changed_while_a_key_is_made_get_their_own(manager, monkeypatch):
    """By another thread, just after it was seen that they are still the same."""
    make = _Snapshot.make
    slow, fast = Timeout(9), Timeout(1)
    manager.connection_pool_kw["timeout"] = slow

    def interrupted(snapshot, *place):
        manager.connection_pool_kw["timeout"] = fast
        return make(snapshot, *place)

    with monkeypatch.context() as patched:
        patched.setattr(_Snapshot, "make", interrupted)
        assert manager.connection_from_host("h").timeout is fast
    manager.connection_pool_kw["timeout"] = slow
    assert manager.connection_from_host("h").timeout is slow
    manager.connection_pool_kw["timeout"] = fast
    assert manager.connection_from_host("h").timeout is fast
    assert len(manager.pools) == 2


class Fields(UserDict):
    """A mapping of a kind that nobody knows."""


class Quiet(dict):
    """One that says it is always the same."""

    def __eq__(self, other):
        return True

    __hash__ = None


def rename(headers):
    del headers["A"]
    headers["a"] = "1"


def divide(headers):
    headers["A"] = "1, 2"


def put(headers):
    headers["B"] = "2"


@pytest.mark.parametrize("name", ["headers", "_proxy_headers", "_socks_options"])
@pytest.mark.parametrize("kind", [dict, HTTPHeaderDict, Fields, Quiet, OrderedDict])
@pytest.mark.parametrize("change", [rename, divide, put])
def test_mappings_changed_in_place_are_seen_to_have_changed(name, kind, change):
    with PoolManager() as manager:
        fields = manager.connection_pool_kw[name] = kind({"A": "1"})
        if change is divide and kind is HTTPHeaderDict:
            fields.add("A", "2")
        make = manager.key_fn_by_scheme["http"]
        manager.pool_classes_by_scheme = dict.fromkeys(["http"], lambda *place, **settings: Pool())
        pools = [manager.connection_from_host("h") for _ in range(2)]
        change(fields)
        pools += [manager.connection_from_host("h") for _ in range(2)]
        settings = {**manager.connection_pool_kw, "scheme": "http", "host": "h", "port": 80}
        assert manager.pools.get(make(settings)) is pools[3]
    assert [pool is pools[0] for pool in pools] == [True, True, False, False]


class Pool:
    """What a manager keeps."""


def test_a_list_of_socket_options_changed_in_place_is_seen(manager):
    options = manager.connection_pool_kw["socket_options"] = [(6, 1, 1)]
    first = manager.connection_from_host("h")
    assert manager.connection_from_host("h") is first
    options.append((6, 1, 0))
    assert manager.connection_from_host("h") is not first
    options.pop()
    assert manager.connection_from_host("h") is first


def test_a_step_of_finding_a_pool_that_is_overridden_is_taken_each_time():
    contexts = []

    class Own(PoolManager):
        def connection_from_context(self, request_context):
            contexts.append(request_context["host"])
            return super().connection_from_context(request_context)

    with Own() as manager:
        assert manager.connection_from_host("h") is manager.connection_from_host("h")
    assert contexts == ["h", "h"]


# ---------------------------------------------------------------- pools


def test_settings_go_to_the_pools_and_headers_stay():
    manager = PoolManager(maxsize=3, timeout=5, block=True, retries=7, headers={"A": "b"})
    pool = manager.connection_from_host("h")
    assert (pool.pool.maxsize, pool.block, pool.headers) == (3, True, {})
    assert str(pool.timeout) == "Timeout(connect=5, read=5, total=None)"
    assert manager.headers == {"A": "b"}
    assert isinstance(pool.retries, Retry)
    assert pool.retries.total == 7


@pytest.mark.parametrize(
    ("retries", "requests", "fails"),
    [(False, 1, False), (0, 1, True), (1, 2, True), (Retry(2), 3, True), (None, 4, True)],
)
def test_redirects_count_against_the_retries_of_the_manager(retries, requests, fails):
    with serve(handler=lambda request: redirect("/loop")) as server:
        with PoolManager(retries=retries) as manager:
            if fails:
                with pytest.raises(MaxRetryError, match="too many redirects"):
                    manager.request("GET", server.url("/loop"))
            else:
                assert manager.request("GET", server.url("/loop")).status == 302
    assert len(server.requests) == requests


def test_leaving_a_manager_forgets_its_pools():
    with serve([Recv(), Send(OK), Stall()], [OK]) as server:
        with PoolManager() as manager:
            manager.request("GET", server.url())
            pool = manager.connection_from_url(server.url())
            assert len(manager.pools) == 1
        assert len(manager.pools) == 0
        assert pool.pool is not None
        [conn] = [conn for conn in pool.pool.queue if conn]
        assert not conn.is_closed
        del pool
        gc.collect()
        assert conn.is_closed
        assert manager.request("GET", server.url()).data == b"ok"
        manager.clear()


def test_one_place_has_one_pool(manager):
    pool = manager.connection_from_host("h")
    same = [
        manager.connection_from_host("H"),
        manager.connection_from_host("h", 80),
        manager.connection_from_host("h", scheme=None),
        manager.connection_from_host("h", scheme=""),
        manager.connection_from_url("http://h/x"),
        manager.connection_from_url("h/path"),
        manager.connection_from_url("//h"),
    ]
    assert all(each is pool for each in same)
    secure = manager.connection_from_host("h", scheme="https")
    assert isinstance(secure, HTTPSConnectionPool)
    assert manager.connection_from_host("h", 443, "https") is secure
    assert manager.connection_from_host("h", 81) is not pool
    assert manager.connection_from_host("h", 0).port == 0


def test_places_that_are_none(manager):
    for call in (
        lambda: manager.connection_from_host(None),
        lambda: manager.connection_from_host(""),
        *(
            lambda url=url: manager.connection_from_url(url)
            for url in ("http://", "/x", "", "localhost:80")
        ),
    ):
        with pytest.raises(LocationValueError) as caught:
            call()
        assert str(caught.value) == "No host specified."
    for call in (
        lambda: manager.connection_from_host("h", scheme="ftp"),
        lambda: manager.connection_from_url("ftp://h/"),
    ):
        with pytest.raises(URLSchemeUnknown) as caught:
            call()
        assert str(caught.value) == "Not supported URL scheme ftp"
    for missing in ("scheme", "host", "port"):
        context = {"scheme": "http", "host": "h", "port": 80}
        del context[missing]
        with pytest.raises(KeyError, match=missing):
            manager.connection_from_context(context)


def test_a_scheme_in_capitals_finds_a_pool_and_makes_none(manager):
    with pytest.raises(KeyError, match="HTTP"):
        manager.connection_from_host("h", 80, "HTTP")
    pool = manager.connection_from_host("h")
    assert manager.connection_from_host("h", 80, "HTTP") is pool


def test_a_context_with_strict_is_warned_of_and_used_up(manager):
    context = {"scheme": "http", "host": "h", "port": 80, "strict": True, "maxsize": 2}
    with pytest.warns(FutureWarning, match="The 'strict' parameter is no longer needed"):
        pool = manager.connection_from_context(context)
    assert pool.pool.maxsize == 2
    assert context == {"maxsize": 2, "blocksize": 16384}


def test_a_false_pool_counts_as_absent(manager):
    key = key_of()
    manager.pools[key] = None
    context = {"scheme": "http", "host": "h", "port": 1}
    assert isinstance(manager.connection_from_pool_key(key, context), HTTPConnectionPool)


def test_settings_for_one_pool_are_merged():
    manager = PoolManager(maxsize=3)
    default = manager.connection_from_host("h")
    sizes = {
        size: manager.connection_from_url("http://h", pool_kwargs={"maxsize": size})
        for size in (None, 5)
    }
    assert {size: pool.pool.maxsize for size, pool in sizes.items()} == {None: 1, 5: 5}
    assert manager.connection_from_host("h", pool_kwargs={}) is default
    assert manager.connection_pool_kw == {"maxsize": 3}
    assert manager._merge_pool_kwargs({"maxsize": None, "a": 1}) == {"a": 1}
    assert manager._merge_pool_kwargs(None) is not manager.connection_pool_kw


def test_settings_of_tls_do_not_reach_a_plain_pool():
    plain = PoolManager(**dict.fromkeys(SSL_KEYWORDS, "x")).connection_from_host("h")
    assert plain.conn_kw == {"blocksize": 16384}
    kw = {
        "server_hostname": "s",
        "socket_options": [],
        "source_address": ("a", 1),
        "ssl_context": None,
    }
    secure = PoolManager(ca_certs="ca", **kw).connection_from_host("h", scheme="https")
    assert secure.ca_certs == "ca"
    assert secure.conn_kw == {**kw, "blocksize": 16384}


def test_a_pool_is_made_by_a_method_meant_to_be_overridden():
    calls = []

    class Mine(PoolManager):
        def _new_pool(self, scheme, host, port, request_context=None):
            calls.append((scheme, host, port, dict(request_context)))
            return super()._new_pool(scheme, host, port, request_context)

    manager = Mine(maxsize=2)
    manager.connection_from_host("a")
    context = {"scheme": "http", "host": "a", "port": 80, "maxsize": 2}
    assert calls == [("http", "a", 80, context)]
    assert PoolManager(maxsize=4)._new_pool("http", "h", 1).pool.maxsize == 4


def test_the_pool_used_longest_ago_is_forgotten():
    manager = PoolManager(num_pools=2)
    a, b = (manager.connection_from_host(host) for host in "ab")
    assert manager.connection_from_host("a") is a
    manager.connection_from_host("c")
    assert manager.connection_from_host("a") is a
    assert b.pool is not None
    assert manager.connection_from_host("b") is not b
    assert isinstance(manager.pools.keys(), set)
    for look in (iter, lambda pools: pools.values(), lambda pools: pools.items()):
        with pytest.raises(NotImplementedError, match="unlikely to be threadsafe"):
            list(look(manager.pools))
    none = PoolManager(num_pools=0)
    assert none.connection_from_host("a") is not none.connection_from_host("a")


def test_a_forgotten_pool_serves_its_responses_to_their_end():
    more = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok"
    with serve([Recv(), Send(head), Wait(more), Send(b"ay"), Stall()]) as server:
        with PoolManager(num_pools=1) as manager:
            response = manager.request("GET", server.url(), preload_content=False)
            manager.connection_from_host("another")
            gc.collect()
            conn = response._connection
            more.set()
            assert response.read() == b"okay"
            assert conn.is_closed or response._pool is not None
            del response
            gc.collect()
            assert conn.is_closed


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://user:pw@{}/a/../p?q=1#frag", "/p?q=1"),
        ("http://{}", "/"),
        ("http://{}?x=1", "/?x=1"),
        ("HTTP://{}/x", "/x"),
    ],
)
def test_the_target_is_path_and_query(manager, url, target):
    with serve(handler=answer) as server:
        place = f"{server.host}:{server.port}"
        response = manager.request("GET", url.format(place))
        manager.clear()
    [request] = server.requests
    assert request.line == f"GET {target} HTTP/1.1"
    assert request.get("Host") == place
    assert request.get("Authorization") is None
    assert response.url == target


def test_a_url_without_scheme_is_deprecated(manager):
    with serve(handler=answer) as server:
        with pytest.warns(FutureWarning) as warned:
            assert manager.urlopen("GET", f"{server.host}:{server.port}/x").status == 200
        manager.clear()
    assert str(warned[0].message) == (
        "URLs without a scheme (ie 'https://') are deprecated and will raise an error in urllib3 "
        "v3.0. To avoid this FutureWarning ensure all URLs start with 'https://' or 'http://'. "
        "Read more in this issue: https://github.com/urllib3/urllib3/issues/2920"
    )
    assert warned[0].filename == __file__
    with pytest.warns(FutureWarning, match="without a scheme"):
        with pytest.raises(LocationValueError, match="No host specified"):
            manager.request("GET", "/x")
    with pytest.raises(URLSchemeUnknown):
        manager.request("GET", "ftp://h/")
    with pytest.raises(LocationValueError):
        manager.request("GET", "localhost:80/")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with pytest.raises(LocationValueError):
            manager.request("GET", "")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://a b/", "Host 'a b' contains invalid character ' '"),
        ("http://[::1", "'[::1' is not a valid host or port"),
        ("http://h:port/", "'h:port' is not a valid host or port"),
        ("http://h:99999/", "http://h:99999/"),
        (
            "http://ex%00.com/",
            "Host 'ex%00.com' contains invalid percent-encoded control character '%00'",
        ),
        ("http://.x/", "'.x', label empty or too long"),
        ("http://" + "a" * 64, f"'{'a' * 64}', label empty or too long"),
    ],
)
def test_urls_that_cannot_be(manager, url, text):
    with pytest.raises(LocationParseError) as caught:
        manager.request("GET", url)
    assert str(caught.value) == f"Failed to parse: {text}"
    with pytest.raises(ValueError, match="Timeout value connect was x"):
        manager.request("GET", "http://h/", timeout="x")


def test_arguments_of_urlopen_that_mean_something_else(manager):
    with serve(handler=answer) as server:
        manager.urlopen("POST", server.url(), b"body")
        manager.urlopen("GET", server.url(), assert_same_host=True, redirect=True)
        manager.clear()
    assert [request.body for request in server.requests] == [b"", b""]


def test_settings_of_a_request_make_no_pool(manager):
    with serve(handler=answer) as server:
        for timeout in (1, 2):
            manager.request("GET", server.url(), timeout=timeout, retries=timeout)
        assert len(manager.pools) == 1
        manager.clear()
    assert server.connections == 1


def test_no_headers_are_the_managers_headers():
    """2.8.0 sends none for an explicit None, and fails at a redirect to another host."""
    with serve(handler=answer) as second:
        with serve(handler=lambda request: redirect(second.url())) as first:
            with PoolManager(headers={"A": "b"}) as manager:
                manager.urlopen("GET", first.url(), headers=None)
    seen = [request.get("A") for request in (*first.requests, *second.requests)]
    assert seen == ["b", "b"]


def test_other_keywords_reach_the_pool(manager, monkeypatch):
    passed = {}

    class Pool(HTTPConnectionPool):
        def urlopen(self, method, url, **kw):
            passed.update(kw, method=method, url=url)
            return super().urlopen(method, url, **kw)

    manager.pool_classes_by_scheme = {"http": Pool}
    options = {
        "body": b"x",
        "retries": Retry(1),
        "timeout": 1,
        "pool_timeout": 2,
        "release_conn": True,
        "chunked": True,
        "body_pos": None,
        "preload_content": True,
        "decode_content": False,
        "enforce_content_length": False,
    }
    with serve(handler=answer) as server:
        manager.urlopen("PUT", server.url("/p"), headers={"A": "b"}, **options)
        manager.clear()
    assert passed == {
        **options,
        "method": "PUT",
        "url": "/p",
        "headers": {"A": "b"},
        "redirect": False,
        "assert_same_host": False,
    }


def test_the_function_makes_a_request():
    with serve(handler=answer) as server:
        urllib3.request("GET", server.url("/?a=1"), fields={"b": "2"})
        urllib3._DEFAULT_POOL.clear()
    assert lines(server) == ["GET /?a=1?b=2"]
    with serve([Recv(), Stall()]) as server:
        with pytest.raises(ReadTimeoutError, match=r"\(read timeout=0.02\)"):
            urllib3.request("GET", server.url(), retries=False, timeout=0.02)
        urllib3._DEFAULT_POOL.clear()


# ---------------------------------------------------------------- redirects


def test_a_redirect_to_another_host_is_followed(manager, caplog):
    caplog.set_level(logging.INFO, "urllib3.poolmanager")
    with serve(handler=answer) as second:
        location = second.url("/there?x#f")
        with serve(handler=lambda request: redirect(location)) as first:
            response = manager.request("GET", first.url("/x"))
            manager.clear()
    assert lines(second) == ["GET /there?x"]
    assert response.url == response.geturl() == location
    [hop] = response.retries.history
    assert (hop.method, hop.url, hop.status) == ("GET", first.url("/x"), 302)
    assert hop.redirect_location == location
    [record] = caplog.records
    assert (record.levelname, record.msg) == ("INFO", "Redirecting %s -> %s")
    assert record.args == (first.url("/x"), location)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/two", "/two"),
        ("two", "/dir/two"),
        ("?q=2", "/dir/one?q=2"),
        ("../up", "/up"),
        ("//{place}/net", "/net"),
        ("http://{place}/abs", "/abs"),
        ("#frag", "/dir/one?z=9"),
        ("HTTP://{place}/caps", "/caps"),
        ("/\xc3\xbc x", "/%C3%BC%20x"),
    ],
)
def test_a_location_is_resolved(manager, location, target):
    def handler(request):
        return OK if len(server.requests) > 1 else redirect(raw)

    with serve(handler=handler) as server:
        raw = location.format(place=f"{server.host}:{server.port}")
        response = manager.request("GET", server.url("/dir/one?z=9"))
        manager.clear()
    assert lines(server) == ["GET /dir/one?z=9", f"GET {target}"]
    assert response.url == raw
    assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_303_alone_changes_the_request(manager, status, method):
    with serve(handler=answer) as second:
        with serve(handler=lambda request: redirect(second.url("/x"), status)) as first:
            headers = {"Content-Type": "text/x", "A": "b"}
            kw = {} if method == "HEAD" else {"body": io.BytesIO(b"abc"), "chunked": True}
            manager.request(method, first.url(), headers=headers, **kw)
            manager.clear()
    [request] = second.requests
    assert request.get("A") == "b"
    if status == 303:
        assert (request.line, request.body) == ("GET /x HTTP/1.1", b"")
        assert not {name.lower() for name, _ in request.headers} & {
            "content-type",
            "transfer-encoding",
            "content-length",
        }
    else:
        assert request.line == f"{method} /x HTTP/1.1"
        assert request.body == (b"" if method == "HEAD" else b"abc")
        assert request.get("Content-Type") == "text/x"


def test_a_file_is_sent_again_from_where_it_began():
    """2.8.0 sends an empty body to the second server."""
    with serve(handler=answer) as second:
        with serve(handler=lambda request: redirect(second.url(), 307)) as first:
            with PoolManager() as manager:
                body = io.BytesIO(b"0123")
                body.seek(2)
                manager.request("POST", first.url(), body=body)
    assert [request.body for request in (*first.requests, *second.requests)] == [b"23", b"23"]


SECRETS = {
    "Authorization": "a",
    "authorization": "b",
    "Cookie": "c",
    "Proxy-Authorization": "d",
    "X": "y",
}


@pytest.mark.parametrize("kind", ["dict", "HTTPHeaderDict", "manager", "bytes"])
def test_secrets_stay_with_the_host_they_were_meant_for(kind):
    secrets = SECRETS
    if kind == "HTTPHeaderDict":
        secrets = HTTPHeaderDict(SECRETS)
    if kind == "bytes":
        secrets = {b"Authorization": "a", b"cookie": "c", "X": "y"}
    before = dict(secrets)
    with serve(handler=answer) as second:
        with serve(handler=lambda request: redirect(second.url())) as first:
            with PoolManager(headers=secrets if kind == "manager" else None) as manager:
                manager.request("GET", first.url(), headers=None if kind == "manager" else secrets)
    assert first.requests[0].get("Cookie") == "c"
    names = {name.lower() for name, _ in second.requests[0].headers}
    assert names == {"host", "accept-encoding", "user-agent", "x"}
    assert dict(secrets) == before


@pytest.mark.parametrize(
    ("manager_retries", "retries", "location", "kept"),
    [
        (None, Retry(3, remove_headers_on_redirect=["X"]), "http://localhost:{port}/", "A"),
        (Retry(3, remove_headers_on_redirect=[]), None, "http://localhost:{port}/", "AX"),
        (None, None, "http://localhost:{port}/", "X"),
        (None, None, "/relative", "AX"),
        (None, None, "http://127.0.0.1:{port}/absolute", "AX"),
    ],
)
def test_what_is_stripped_depends_on_retry_and_origin(manager_retries, retries, location, kept):
    def handler(request):
        return OK if len(server.requests) > 1 else redirect(location.format(port=server.port))

    kw = {} if manager_retries is None else {"retries": manager_retries}
    options = {} if retries is None else {"retries": retries}
    with serve(handler=handler) as server:
        with PoolManager(**kw) as manager:
            manager.request(
                "GET", server.url(), headers={"Authorization": "a", "X": "y"}, **options
            )
    last = server.requests[-1]
    found = ("A" if last.get("Authorization") else "") + ("X" if last.get("X") else "")
    assert found == kept


@pytest.mark.parametrize(
    ("kw", "requests", "fails"),
    [
        ({}, 4, True),
        ({"retries": 0}, 1, True),
        ({"retries": 1}, 2, True),
        ({"retries": Retry(5, redirect=1)}, 2, True),
        ({"retries": Retry(total=None, redirect=2)}, 3, True),
        ({"retries": True}, 2, True),
        ({"retries": None}, 4, True),
        ({"retries": False}, 1, False),
        ({"redirect": False}, 1, False),
        ({"retries": Retry(redirect=False)}, 1, False),
        ({"retries": Retry(5, redirect=1, raise_on_redirect=False)}, 2, False),
    ],
)
def test_an_endless_loop_ends(manager, kw, requests, fails):
    with serve(handler=lambda request: redirect("/loop")) as server:
        url = server.url("/loop")
        if fails:
            with pytest.raises(MaxRetryError) as caught:
                manager.request("GET", url, **kw)
            assert str(caught.value) == (
                f"HTTPConnectionPool(host='127.0.0.1', port={server.port}): Max retries exceeded "
                f"with url: {url} (Caused by ResponseError('too many redirects'))"
            )
            assert isinstance(caught.value.__cause__, ResponseError)
        else:
            assert manager.request("GET", url, **kw).status == 302
        manager.connection_from_url(url).close()
    assert len(server.requests) == requests
    assert server.connections == 1


@pytest.mark.parametrize(
    ("kw", "statuses", "total"),
    [({}, [None, 302], 1), ({"retries": Retry(3)}, [302], 2), ({"retries": 3}, [302], 2)],
)
def test_retries_before_a_redirect_count_if_they_are_the_managers(manager, kw, statuses, total):
    script = [Recv(), Send(redirect("/x")), Recv(), Send(OK)]
    with serve([Recv(), Close()], script) as server:
        response = manager.request("GET", server.url(), **kw)
        manager.clear()
    assert [hop.status for hop in response.retries.history] == statuses
    assert response.retries.total == total


def test_a_manager_does_not_wait_before_a_redirect(manager, monkeypatch):
    def never(seconds):
        raise AssertionError("slept")

    monkeypatch.setattr("time.sleep", never)

    def handler(request):
        later = redirect("/x", extra="Retry-After: 1\r\n")
        return OK if len(server.requests) > 1 else later

    with serve(handler=handler) as server:
        assert manager.request("GET", server.url()).status == 200
        manager.clear()


def test_redirects_that_lead_nowhere(manager, dead_port):
    for location, error, text in (
        ("ftp://x/y", URLSchemeUnknown, "Not supported URL scheme ftp"),
        (
            f"http://127.0.0.1:{dead_port}/x",
            MaxRetryError,
            r"Max retries exceeded with url: /x \(Caused by NewConnectionError",
        ),
    ):
        with serve(handler=lambda request, location=location: redirect(location)) as server:
            with pytest.raises(error, match=text) as caught:
                manager.request("GET", server.url(), retries=Retry(2))
            manager.connection_from_url(server.url()).close()
    assert isinstance(caught.value.reason, NewConnectionError)


@pytest.mark.parametrize("field", ["", "Location: \r\n"])
def test_a_redirect_to_nowhere_is_the_answer(manager, field):
    head = f"HTTP/1.1 302 Found\r\n{field}Content-Length: 0\r\n\r\n".encode()
    with serve(handler=lambda request: head) as server:
        assert manager.request("GET", server.url()).status == 302
        manager.clear()


def test_the_answer_that_redirects_is_drained(manager):
    first = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 4\r\n\r\nbody"

    def handler(request):
        return OK if len(server.requests) > 1 else first

    with serve(handler=handler) as server:
        response = manager.request("GET", server.url(), preload_content=False)
        assert list(response.stream(1)) == [b"o", b"k"]
        manager.clear()
    assert server.connections == 1


def test_every_hop_goes_through_urlopen_of_the_subclass():
    seen = []

    class Guarded(PoolManager):
        def urlopen(self, method, url, *args, **kw):
            seen.append(url)
            if "/forbidden" in url:
                raise PermissionError(url)
            return super().urlopen(method, url, *args, **kw)

    with serve(handler=lambda request: redirect("/forbidden")) as server:
        with Guarded() as manager, pytest.raises(PermissionError):
            manager.request("GET", server.url("/a"))
    assert seen == [server.url("/a"), server.url("/forbidden")]


def test_absolute_form_is_for_proxies_that_forward():
    url = parse_url("http://h/")
    assert PoolManager()._proxy_requires_url_absolute_form(url) is False
    through = urllib3.ProxyManager("http://p:1")
    assert through._proxy_requires_url_absolute_form(url) is True
    assert through._proxy_requires_url_absolute_form(parse_url("https://h/")) is False


@pytest.mark.parametrize("name", ["key_password", "ca_cert_data"])
def test_options_in_a_bytearray_are_told_apart_by_what_they_hold(name):
    secret = bytearray(b"first")
    with PoolManager(**{name: secret}) as http:
        pool = http.connection_from_url("https://h.example")
        assert http.connection_from_url("https://h.example") is pool
        secret[:] = b"other"
        assert http.connection_from_url("https://h.example") is not pool
