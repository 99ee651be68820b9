"""Names that programs rebind while running are looked up in their module at each call."""

from __future__ import annotations

import re
import socket

import pytest

import urllib3.connection
import urllib3.connectionpool
import urllib3.fields
import urllib3.util.connection
import urllib3.util.ssl_
import urllib3.util.url
from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, encode_multipart_formdata
from urllib3.util.url import parse_url

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(pool_class=HTTPConnectionPool, **kw):
    with serve(handler=lambda request: REPLY) as server:
        with pool_class(server.host, server.port, retries=False, **kw) as pool:
            return pool.request("GET", "/").data


def test_streamlink_chooses_the_address_family(monkeypatch):
    asked = []
    original = socket.getaddrinfo

    def resolve(*args):
        asked.append(args[2])
        return original(*args)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(urllib3.util.connection, "allowed_gai_family", lambda: socket.AF_INET)
    assert get() == b"ok"
    monkeypatch.undo()
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(urllib3.util.connection, "HAS_IPV6", False)
    assert get() == b"ok"
    # The test's own server asks for any family.
    assert [family for family in asked if family] == [socket.AF_INET, socket.AF_INET]


@pytest.mark.parametrize("name", ["create_connection", "_set_socket_options"])
def test_functions_of_util_connection_are_looked_up(monkeypatch, name):
    original, calls = getattr(urllib3.util.connection, name), []

    def seen(*args, **kw):
        calls.append(args)
        return original(*args, **kw)

    monkeypatch.setattr(urllib3.util.connection, name, seen)
    assert get() == b"ok"
    assert len(calls) == 1


def test_vcrpy_replaces_the_check_for_dropped_connections(monkeypatch):
    calls = []
    monkeypatch.setattr(
        urllib3.connectionpool, "is_connection_dropped", lambda conn: calls.append(conn) or False
    )
    with serve(handler=lambda request: REPLY) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            for _ in range(2):
                pool.request("GET", "/")
    assert len(calls) == 1


def test_httpretty_replaces_ssl_wrap_socket(monkeypatch):
    wrapped = []

    def fake(sock, **kw):
        wrapped.append(kw)
        return sock

    monkeypatch.setattr(urllib3.connection, "ssl_wrap_socket", fake)
    assert get(HTTPSConnectionPool, assert_hostname=False, ca_certs="/nowhere") == b"ok"
    assert wrapped[0]["ca_certs"] == "/nowhere"
    assert wrapped[0]["server_hostname"] == "127.0.0.1"


def test_truststore_replaces_the_context_class(monkeypatch):
    class Asked(Exception):
        pass

    def context(protocol):
        raise Asked(protocol)

    monkeypatch.setattr(urllib3.util.ssl_, "SSLContext", context)
    with pytest.raises(Asked):
        get(HTTPSConnectionPool)


@pytest.mark.parametrize("url", ["http://h/%e9?%e9", "http://h/plain"])
def test_yt_dlp_replaces_the_pattern_for_percent_escapes(monkeypatch, url):
    class Override:
        def subn(self, repl, string, *args, **kw):
            return string, re.compile("%[0-9a-fA-F]{2}").subn(repl, string, *args, **kw)[1]

    monkeypatch.setattr(urllib3.util.url, "_PERCENT_RE", Override())
    assert parse_url(url).url == url


def test_a_bot_replaces_the_formatter_of_multipart_headers(monkeypatch):
    monkeypatch.setattr(
        urllib3.fields, "format_multipart_header_param", lambda name, value: f"{name}=<{value}>"
    )
    body, _ = encode_multipart_formdata({"a": ("f", "x")})
    assert b"name=<a>; filename=<f>" in body


def test_httpie_raises_the_limit_of_header_fields(monkeypatch):
    reply = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 150 + b"Content-Length: 2\r\n\r\nok"

    def fetch():
        with serve([reply]) as server:
            with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
                return pool.request("GET", "/").data

    with pytest.raises(urllib3.exceptions.ProtocolError, match="got more than 100 headers"):
        fetch()
    monkeypatch.setattr("http.client._MAXHEADERS", 1000)
    assert fetch() == b"ok"


def test_kubernetes_turns_the_debug_output_of_http_client_on(monkeypatch, capsys):
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    assert get() == b"ok"
    shown = capsys.readouterr().out
    assert "send: b'GET / HTTP/1.1" in shown
    assert "reply: 'HTTP/1.1 200 OK\\r\\n'" in shown
    assert "header: Content-Length: 2" in shown
