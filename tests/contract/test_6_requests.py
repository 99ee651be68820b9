"""requests changes pools after they were made and takes cookies from the ``http.client`` message."""

from __future__ import annotations

import http.cookiejar
import urllib.request

from tests.support.scripted import serve
from urllib3 import HTTPSConnectionPool, PoolManager

REPLY = (
    b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX: y\r\nSet-Cookie: b=2\r\n"
    b"Content-Length: 2\r\n\r\nok"
)


def test_settings_written_on_a_pool_count_for_its_next_connections():
    pool = HTTPSConnectionPool("h")
    written = {
        "cert_reqs": "CERT_NONE",
        "ca_certs": "/ca",
        "ca_cert_dir": "/dir",
        "cert_file": "/cert",
        "key_file": "/key",
    }
    for name, value in written.items():
        setattr(pool, name, value)
    conn = pool._new_conn()
    assert {name: getattr(conn, name) for name in written} == written


def test_cookies_are_taken_from_the_original_message():
    with serve(handler=lambda request: REPLY) as server, PoolManager() as manager:
        response = manager.request("GET", server.url(), preload_content=False)
        message = response._original_response.msg
        assert message.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]
        assert message["x"] == "y"
        jar = http.cookiejar.CookieJar()

        class Answer:
            def info(self):
                return message

        jar.extract_cookies(Answer(), urllib.request.Request(server.url()))
        assert {cookie.name for cookie in jar} == {"a", "b"}
        assert response.read() == b"ok"


def test_a_message_without_fields_is_a_message():
    with serve([b"HTTP/1.1 200 OK\r\n\r\n"]) as server, PoolManager() as manager:
        response = manager.request("GET", server.url())
        assert response._original_response.msg.get_all("Set-Cookie") is None


def test_an_adapters_call_streams_and_gives_the_connection_back():
    with serve(handler=lambda request: REPLY) as server, PoolManager(maxsize=1, block=True) as pm:
        pool = pm.connection_from_host(
            server.host, server.port, "http", pool_kwargs={"cert_file": None}
        )
        for _ in range(2):
            response = pool.urlopen(
                method="GET",
                url="/",
                body=None,
                headers={"A": "b"},
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
                retries=0,
                timeout=None,
                chunked=False,
            )
            assert b"".join(response.stream(10, decode_content=True)) == b"ok"
            response.release_conn()
        assert server.connections == 1
