"""How requests follow the policy they are given: what is sent, how long is waited, what comes out."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time

import pytest

import urllib3
from tests.support.scripted import serve
from tests.support.tables import check, rows
from urllib3 import exceptions as X
from urllib3.util.retry import Retry
from urllib3.util.timeout import Timeout


class Site:
    """A server with a page for every kind of answer, and what was asked of it."""

    def __init__(self):
        self.leaving = threading.Event()  # until then a slow page keeps its client waiting

    def __call__(self, request):
        path, _, query = request.line.split()[1].partition("?")
        after = f"Retry-After: {query.removeprefix('ra=')}\r\n" if query else ""
        if path == "/slow":
            self.leaving.wait(30)
            return None
        if path == "/ra":
            return self.redirect("/ok", "Retry-After: 2\r\n")
        if path == "/303":
            return self.redirect("/ok", status=303)
        if path == "/x":
            return self.redirect(f"http://localhost:{request.get('host').partition(':')[2]}/ok")
        if path[:2] == "/r" and path[2:].isdigit():
            number = int(path[2:]) - 1
            return self.redirect(f"/r{number}" if number else "/ok")
        if path[:2] == "/s" and path[2:].isdigit():
            return f"HTTP/1.1 {path[2:]} X\r\n{after}Content-Length: 2\r\n\r\ner".encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @staticmethod
    def redirect(where, more="", status=302):
        return (
            f"HTTP/1.1 {status} X\r\nLocation: {where}\r\n{more}Content-Length: 0\r\n\r\n"
        ).encode()


class Visit:
    """A site, a client that keeps no time, and what happened."""

    def __init__(self, monkeypatch):
        self.sleeps = []
        self.monkeypatch = monkeypatch

    @contextlib.contextmanager
    def site(self):
        site = Site()
        with serve(handler=site) as self.server, self.monkeypatch.context() as patched:
            patched.setattr(time, "sleep", self.sleeps.append)
            try:
                yield self.server
            finally:
                site.leaving.set()

    @property
    def paths(self):
        return [request.line.split()[1] for request in self.server.requests]

    def go(self, method, path, pool=False, **kw):
        self.sleeps = []
        with self.site():
            outcome = self.outcome(method, path, pool, kw)
        return outcome, self.paths, self.sleeps

    def outcome(self, method, path, pool, kw):
        host, port = self.server.host, self.server.port
        client = urllib3.HTTPConnectionPool(host, port) if pool else urllib3.PoolManager()
        try:
            made = client.request(method, path if pool else self.server.url(path), **kw)
        except (X.HTTPError, ValueError) as error:
            reason = getattr(error, "reason", error if type(error) is ValueError else None)
            text = str(reason).replace(f"port={port}", "port=PORT")
            return (type(error).__name__,) if reason is None else (type(error).__name__, text)
        else:
            return made.status
        finally:
            client.close() if pool else client.clear()

    def names(self, path, **kw):
        secret = dict.fromkeys(("Cookie", "Authorization", "Proxy-Authorization", "X-Y"), "1")
        self.go("GET", path, headers=secret, **kw)
        return [[name for name in secret if request.get(name)] for request in self.server.requests]


@pytest.fixture
def visit(monkeypatch):
    return Visit(monkeypatch)


@pytest.mark.parametrize("row", rows("policy-requests"))
def test_the_table_of_requests(row, visit):
    check(row, {"Retry": Retry, "Timeout": Timeout, "go": visit.go, "names": visit.names})


# ---------------------------------------------------------------- which policy


def test_a_policy_is_used_as_it_is_and_a_number_made_into_one(visit):
    mine = Retry(3, redirect=2)
    with visit.site() as server, urllib3.HTTPConnectionPool(server.host, server.port) as pool:
        assert pool.retries is Retry.DEFAULT
        assert pool.request("GET", "/ok", retries=mine).retries is mine
        assert pool.request("GET", "/ok").retries is Retry.DEFAULT
        assert pool.request("GET", "/ok", retries=5).retries.total == 5
        assert pool.request("GET", "/ok", retries=5, redirect=False).retries.redirect == 0
        pool.retries = Retry(7)
        assert pool.request("GET", "/ok").retries is pool.retries


def test_a_manager_follows_redirects_itself(visit):
    with visit.site() as server, urllib3.PoolManager() as manager:
        retries = manager.request("GET", server.url("/ok"), retries=5).retries
        assert (retries.total, retries.redirect) == (5, 0)


# ---------------------------------------------------------------- after an error


def test_after_an_error_there_is_a_warning_a_back_off_and_another_attempt(visit, caplog):
    retries = Retry(2, backoff_factor=1)
    caplog.set_level(logging.WARNING)
    with visit.site() as server, urllib3.PoolManager() as manager:
        with pytest.raises(X.MaxRetryError) as failure:
            manager.request("GET", server.url("/slow"), timeout=0.2, retries=retries)
    assert isinstance(failure.value.reason, X.ReadTimeoutError)
    assert visit.sleeps == [2.0]  # none before the first attempt in a row
    assert [record.name for record in caplog.records] == ["urllib3.connectionpool"] * 2
    first, second = (record.getMessage() for record in caplog.records)
    start = "Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after "
    assert first.startswith(start + "connection broken by 'ReadTimeoutError(")
    assert first.endswith(": /slow")
    assert "Retry(total=0," in second


def test_an_error_is_raised_whatever_the_flags_for_answers_say(visit):
    retries = Retry(0, raise_on_redirect=False, raise_on_status=False)
    outcome, paths, _ = visit.go("GET", "/slow", timeout=0.2, retries=retries)
    assert outcome[0] == "MaxRetryError"
    assert paths == ["/slow"]


# ---------------------------------------------------------------- after an answer


def test_the_last_answer_comes_back_unread_where_it_is_not_to_be_an_error(visit):
    retries = Retry(1, status_forcelist=[500], raise_on_status=False)
    with visit.site() as server, urllib3.PoolManager() as manager:
        response = manager.request(
            "GET", server.url("/s500"), retries=retries, preload_content=False
        )
        assert response.status == 500
        assert response.read() == b"er"
        assert visit.paths == ["/s500"] * 2


def test_an_answer_that_is_an_error_is_read_so_that_its_connection_serves_on(visit):
    with visit.site() as server, urllib3.HTTPConnectionPool(server.host, server.port) as pool:
        for path in ("/s500", "/r1"):
            retries = Retry(0, status_forcelist=[500])
            with pytest.raises(X.MaxRetryError):
                pool.request("GET", path, retries=retries, preload_content=False)
        assert pool.request("GET", "/ok").data == b"ok"
        assert server.connections == 1


def test_the_answer_tells_what_happened_before_it(visit):
    with visit.site() as server, urllib3.PoolManager() as manager:
        history = manager.request("GET", server.url("/r2")).retries.history
        assert [entry.redirect_location for entry in history] == ["/r1", "/ok"]
        assert [entry.status for entry in history] == [302, 302]
        retries = Retry(1, status_forcelist=[500], raise_on_status=False)
        history = manager.request("GET", server.url("/s500"), retries=retries).retries.history
        assert [(entry.status, entry.error) for entry in history] == [(500, None)]


def test_an_error_names_the_url_as_it_was_asked_for(visit):
    with visit.site() as server:
        with urllib3.PoolManager() as manager, pytest.raises(X.MaxRetryError) as failure:
            manager.request("GET", server.url("/r1"), retries=0)
        assert failure.value.url == server.url("/r1")
        pool = urllib3.HTTPConnectionPool(server.host, server.port)
        with pool, pytest.raises(X.MaxRetryError) as failure:
            pool.request("GET", "/r1", retries=0)
        assert failure.value.url == "/r1"


# ---------------------------------------------------------------- limits of time


def test_each_attempt_has_a_clock_of_its_own(visit):
    clones = []

    class Seen(Timeout):
        def clone(self):
            clones.append(super().clone())
            return clones[-1]

    timeout = Seen(total=30)
    with visit.site() as server, urllib3.PoolManager() as manager:
        manager.request("GET", server.url("/r3"), timeout=timeout)
    assert timeout._start_connect is None
    assert len(clones) >= 4


def test_a_pool_keeps_a_timeout_whatever_it_was_given():
    mine = Timeout(5)
    assert urllib3.HTTPConnectionPool("h", timeout=mine).timeout is mine
    pool = urllib3.HTTPConnectionPool("h", timeout=2.5)
    assert repr(pool.timeout) == "Timeout(connect=2.5, read=2.5, total=None)"
    assert urllib3.HTTPConnectionPool("h", timeout=None).timeout.read_timeout is None
    with pytest.raises(ValueError, match="boolean"):
        urllib3.HTTPConnectionPool("h", timeout=True)


def test_connecting_and_waiting_have_limits_of_their_own(visit, monkeypatch):
    limits = []
    settimeout = socket.socket.settimeout

    class Watched(socket.socket):
        def settimeout(self, seconds):
            limits.append(seconds)
            settimeout(self, seconds)

    with visit.site() as server, urllib3.PoolManager() as manager, monkeypatch.context() as patched:
        patched.setattr("urllib3.util.connection.socket.socket", Watched)
        manager.request("GET", server.url("/ok"), timeout=Timeout(connect=20, read=10))
    assert limits[0] == 20
    assert limits[-1] == 10


def test_time_that_is_used_up_before_the_answer_is_an_error_at_once(visit, monkeypatch):
    with visit.site() as server, urllib3.PoolManager() as manager:
        monkeypatch.setattr(Timeout, "get_connect_duration", lambda _: 99)
        with pytest.raises(X.ReadTimeoutError) as failure:
            manager.request("GET", server.url("/slow"), timeout=Timeout(total=9), retries=False)
    assert str(failure.value).endswith("Read timed out. (read timeout=0)")


def test_an_error_says_which_limit_it_was(visit, monkeypatch):
    with visit.site() as server:
        host, port = server.host, server.port
        with urllib3.HTTPConnectionPool(host, port) as pool:
            with pytest.raises(X.ReadTimeoutError) as failure:
                pool.request("GET", "/slow", timeout=0.2, retries=False)
            where = f"HTTPConnectionPool(host='{host}', port={port})"
            assert str(failure.value) == f"{where}: Read timed out. (read timeout=0.2)"

    def never(*_, **__):
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", never)
    with urllib3.HTTPConnectionPool("h.example") as pool:
        with pytest.raises(X.ConnectTimeoutError) as failure:
            pool.request("GET", "/", timeout=0.5, retries=False)
    connection, text = failure.value.args
    assert isinstance(connection, urllib3.connection.HTTPConnection)
    assert text == "Connection to h.example timed out. (connect timeout=0.5)"


def test_the_shortest_way_to_ask_waits_three_seconds_at_most(visit, monkeypatch):
    asked = []
    monkeypatch.setattr("urllib3.PoolManager.request", lambda *_, **kw: asked.append(kw["timeout"]))
    urllib3.request("GET", "http://h/")
    urllib3.request("GET", "http://h/", timeout=None)
    assert asked == [3, None]
    assert urllib3.HTTPConnectionPool("h").timeout._read is Timeout.DEFAULT_TIMEOUT
