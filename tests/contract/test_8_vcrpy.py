"""vcrpy answers ``getresponse()`` with an ``http.client`` response of its own: a duck is enough."""

from __future__ import annotations

import http.client
import io

import pytest

import urllib3.connectionpool
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, PoolManager


class Recorded(http.client.HTTPResponse):
    """VCRHTTPResponse, in short."""

    def __init__(self, status=200, headers=(), body=b"recorded"):
        self.status, self.reason, self.version = status, "OK", 11
        self.version_string = "HTTP/1.1"
        self.headers = self.msg = HTTPHeaderDict(headers)
        self._content = io.BytesIO(body)
        self.length_remaining = len(body)
        self.fp = None
        self._fp = self._content

    @property
    def data(self):
        return self._content.getvalue()

    def get_redirect_location(self):
        if not 300 <= self.status < 400:
            return False
        return self.headers.get("location")

    def drain_conn(self):
        self._content.read()

    def release_conn(self):
        pass


class Stub:
    """VCRHTTPConnection, in short."""

    answers: list = []  # noqa: RUF012  # emptied by each test
    default_port, proxy, is_verified, proxy_is_verified = 80, None, True, True

    def __init__(self, **kw):
        self.host, self.timeout, self.requests = kw["host"], None, []
        self.is_closed = True

    @property
    def is_connected(self):
        return True

    def request(self, method, url, body=None, headers=None, *args, **kw):
        self.requests.append((method, url))

    def getresponse(self, *args, **kw):
        return Stub.answers.pop(0)

    def connect(self, *args, **kw):
        self.is_closed = False

    def close(self):
        self.is_closed = True


@pytest.fixture(autouse=True)
def replaced(monkeypatch):
    monkeypatch.setattr(HTTPConnectionPool, "ConnectionCls", Stub)
    monkeypatch.setattr(urllib3.connectionpool, "is_connection_dropped", lambda conn: False)
    monkeypatch.setattr(urllib3.connectionpool, "HTTPConnection", Stub)


def test_a_recorded_response_is_returned_as_it_is():
    Stub.answers = [Recorded()]
    with HTTPConnectionPool("h") as pool:
        response = pool.request("GET", "/")
        assert type(response) is Recorded
        assert response.data == b"recorded"
        assert response._pool is pool
        assert response.retries is urllib3.Retry.DEFAULT


def test_a_recorded_redirect_is_followed():
    Stub.answers = [Recorded(302, {"location": "http://other.test/x"}), Recorded()]
    with PoolManager() as manager:
        assert manager.request("GET", "http://h/").data == b"recorded"
