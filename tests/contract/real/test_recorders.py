"""vcrpy, responses, CacheControl and sentry themselves, where they are installed."""

from __future__ import annotations

import email.utils

import pytest

import urllib3
from tests.support.scripted import serve

REPLY = (
    b"HTTP/1.1 200 OK\r\nDate: %b\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
    % email.utils.formatdate(usegmt=True).encode()
)


@pytest.mark.client("vcrpy")
def test_vcrpy_records_and_replays(tmp_path):
    vcr = pytest.importorskip("vcr", reason="vcrpy is not installed")
    cassette = str(tmp_path / "tape.yaml")
    with serve(handler=lambda request: REPLY) as server:
        for _ in range(2):
            with vcr.use_cassette(cassette), urllib3.PoolManager() as manager:
                assert manager.request("GET", server.url("/x")).data == b"ok"
        assert len(server.requests) == 1


@pytest.mark.client("CacheControl")
def test_cachecontrol_caches():
    requests = pytest.importorskip("requests", reason="requests is not installed")
    cachecontrol = pytest.importorskip("cachecontrol", reason="CacheControl is not installed")
    with serve(handler=lambda request: REPLY) as server:
        with cachecontrol.CacheControl(requests.Session()) as session:
            session.trust_env = False
            assert [session.get(server.url("/x")).text for _ in range(2)] == ["ok", "ok"]
        assert len(server.requests) == 1


@pytest.mark.client("sentry-sdk")
def test_sentry_sees_requests():
    sentry_sdk = pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")
    crumbs = []

    def keep(crumb, hint):
        crumbs.append((crumb["category"], crumb["data"]["http.response.status_code"]))
        return crumb

    sentry_sdk.init(dsn=None, before_breadcrumb=keep, default_integrations=True)
    with serve(handler=lambda request: REPLY) as server, urllib3.PoolManager() as manager:
        assert manager.request("GET", server.url("/x")).data == b"ok"
    assert crumbs in ([], [("httplib", 200)])
