"""botocore's AWSConnection: its own sending, its own response class, 100-continue by hand."""

from __future__ import annotations

import functools
import http.client
import io

import pytest

from tests.support.scripted import Call, Recv, serve
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class AWSResponse(http.client.HTTPResponse):
    """Reads no status line if one was read already."""

    def __init__(self, *args, status_tuple=None, **kw):
        self._status_tuple = status_tuple
        super().__init__(*args, **kw)

    def _read_status(self):
        if self._status_tuple is not None:
            status, self._status_tuple = self._status_tuple, None
            return status
        return super()._read_status()


class AWSConnection(HTTPConnection):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self._original_response_cls = self.response_class
        self._expect_header_set = False
        self._response_received = False

    def request(self, method, url, body=None, headers=None, *args, **kw):
        self._response_received = False
        self._expect_header_set = (headers or {}).get("Expect") == "100-continue"
        self.response_class = self._original_response_cls
        return super().request(method, url, body, headers, *args, **kw)

    def _send_output(self, message_body=None, *args, **kw):
        self._buffer.extend((b"", b""))
        message = b"\r\n".join(self._buffer)
        del self._buffer[:]
        self.send(message)
        if self._expect_header_set:
            self._handle_expect()

    def _handle_expect(self):
        file = self.sock.makefile("rb", 0)
        try:
            line = file.readline()
            version, status, reason = line.split(None, 2)
            if status == b"100":
                while file.readline() not in (b"\r\n", b"\n", b""):
                    pass
                return
            parts = (version.decode(), int(status), reason.decode())
            self.response_class = functools.partial(AWSResponse, status_tuple=parts)
            self._response_received = True
        finally:
            file.close()

    def send(self, data):
        if not self._response_received:
            super().send(data)


class AWSPool(HTTPConnectionPool):
    ConnectionCls = AWSConnection


def manager():
    made = PoolManager()
    made.pool_classes_by_scheme = {"http": AWSPool}
    return made


def test_requests_go_through_its_sending():
    with serve(handler=lambda request: REPLY) as server, manager() as pm:
        for _ in range(2):
            response = pm.request(
                "PUT", server.url(), body=io.BytesIO(b"abc"), headers={"Content-Length": "3"}
            )
            assert response.data == b"ok"
        assert [request.body for request in server.requests] == [b"abc", b"abc"]
        assert server.connections == 1


@pytest.mark.parametrize("goes_on", [True, False])
def test_it_waits_for_100_continue_and_takes_a_final_answer_instead(goes_on):
    first = b"HTTP/1.1 100 Continue\r\n\r\n" if goes_on else REPLY
    received = []

    def talk(sock):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1000)
        sock.sendall(first)
        if goes_on:
            received.append(sock.recv(3))
            sock.sendall(REPLY)

    with serve([Call(talk), Recv()]) as server, manager() as pm:
        response = pm.request(
            "PUT", server.url(), body=b"abc", headers={"Expect": "100-continue"}, retries=False
        )
        assert (response.status, response.data) == (200, b"ok")
    assert received == ([b"abc"] if goes_on else [])


def test_a_timeout_can_be_set_on_the_socket_beneath_a_body():
    with serve(handler=lambda request: REPLY) as server, manager() as pm:
        response = pm.request("GET", server.url(), preload_content=False)
        response._fp.fp.raw._sock.settimeout(7)
        assert response.connection.sock.gettimeout() == 7
        assert response.read() == b"ok"
