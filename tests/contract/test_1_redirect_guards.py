"""SSRF guards subclass a manager or a pool and look at every hop in ``urlopen``."""

from __future__ import annotations

import pytest

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, PoolManager


def redirecting(request):
    step = int(request.line.split()[1][1:])
    if step == 3:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    return b"HTTP/1.1 302 Go\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n" % (step + 1)


class Refused(Exception):
    pass


def guarded(base):
    class Guard(base):
        def __init__(self, *args, **kw):
            super().__init__(*args, **kw)
            self.seen = []

        def urlopen(self, method, url, *args, **kw):
            self.seen.append(url.rpartition("/")[2])
            if url.endswith("/3"):
                raise Refused(url)
            return super().urlopen(method, url, *args, **kw)

    return Guard


def test_a_manager_that_guards_sees_every_hop_and_can_refuse_it():
    with serve(handler=redirecting) as server, guarded(PoolManager)() as manager:
        with pytest.raises(Refused):
            manager.request("GET", server.url("/1"))
        assert manager.seen == ["1", "2", "3"]
        assert len(server.requests) == 2


def test_a_pool_that_guards_sees_every_hop_and_can_refuse_it():
    with serve(handler=redirecting) as server:
        with guarded(HTTPConnectionPool)(server.host, server.port) as pool:
            with pytest.raises(Refused):
                pool.request("GET", "/1")
            assert pool.seen == ["1", "2", "3"]
            assert len(server.requests) == 2
