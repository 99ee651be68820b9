"""What the differential test (``tests/parity``) has found, held fast without the real urllib3."""

from __future__ import annotations

import logging
import ssl

import pytest

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("maxsize", [1, 3])
def test_a_slot_is_free_again_if_no_connection_can_be_made_for_it(maxsize):
    with HTTPConnectionPool("h", maxsize=maxsize, block=True, nonsense=1) as pool:
        for _ in range(maxsize + 1):
            with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
                pool.urlopen("GET", "/", pool_timeout=0)
        assert pool.pool.qsize() == maxsize


def test_a_failed_handshake_is_reported_as_an_ssl_error_when_it_is_tried_again(
    certificates, caplog
):
    tls = certificates.localhost.server_context()
    with serve([], [], tls=tls) as server:
        with HTTPSConnectionPool("localhost", server.port, retries=1) as pool:
            with caplog.at_level(logging.WARNING), pytest.raises(MaxRetryError) as caught:
                pool.urlopen("GET", "/")
    assert isinstance(caught.value.reason.args[0], ssl.SSLCertVerificationError)
    [record] = caplog.records
    assert "broken by 'SSLError(SSLCertVerificationError(" in record.getMessage()


def test_an_answer_to_head_says_how_that_to_get_would_be_framed():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serve([head, OK]) as server, HTTPConnectionPool(server.host, server.port) as pool:
        response = pool.urlopen("HEAD", "/", preload_content=False)
        assert response.chunked
        assert list(response.stream()) == []
        assert pool.urlopen("GET", "/").data == b"ok"
    assert server.connections == 1


def test_a_body_that_is_kept_stays_kept_however_often_it_is_asked_for():
    with serve(handler=lambda request: OK) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            response = pool.urlopen("GET", "/", preload_content=False)
            assert response.data == b"ok"
            assert response.read(cache_content=True) == b""
            assert response.data == b"ok"
