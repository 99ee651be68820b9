"""docker, requests-unixsocket, elastic-transport, locust, podman and yt-dlp make pools their own."""

from __future__ import annotations

import functools
import queue
import socket
import threading

import pytest

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import EmptyPoolError, NewConnectionError
from urllib3.poolmanager import PoolKey

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class UnixConnection(HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(self.timeout)
        sock.connect(self.path)
        self.sock = sock


class UnixPool(HTTPConnectionPool):
    """docker's UnixHTTPConnectionPool."""

    def __init__(self, path, maxsize=2):
        super().__init__("localhost", maxsize=maxsize, timeout=5)
        self.path = path

    def _new_conn(self):
        return UnixConnection(self.path)


@pytest.fixture
def unix_server(tmp_path):
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    heads = []

    def run():
        sock, _ = listener.accept()
        with sock:
            for _ in range(2):
                heads.append(sock.recv(1000))
                sock.sendall(REPLY)

    thread = threading.Thread(target=run)
    thread.start()
    yield path, heads
    thread.join()
    listener.close()


def test_a_pool_speaks_over_a_unix_socket(unix_server):
    path, heads = unix_server
    with UnixPool(path) as pool:
        assert [pool.request("GET", "/containers").data for _ in range(2)] == [b"ok"] * 2
    assert all(b"\r\nHost: localhost\r\n" in head for head in heads)


class SshPool(HTTPConnectionPool):
    """docker's SSHConnectionPool: its own lease, from the queue itself."""

    def _get_conn(self, timeout=None):
        try:
            conn = self.pool.get(block=self.block, timeout=timeout)
        except queue.Empty:
            if self.block:
                raise EmptyPoolError(self, "Pool is empty") from None
            conn = None
        return conn or self._new_conn()


def test_a_pool_may_lease_by_itself():
    with serve(handler=lambda request: REPLY) as server:
        with SshPool(server.host, server.port, maxsize=1, block=True) as pool:
            assert isinstance(pool.pool, queue.LifoQueue)
            assert list(pool.pool.queue) == [None]
            assert [pool.request("GET", "/").data for _ in range(2)] == [b"ok"] * 2
            assert server.connections == 1


def test_elastic_transport_validates_by_itself():
    validated = []

    class Pool(HTTPConnectionPool):
        def _validate_conn(self, conn):
            validated.append(conn)
            super()._validate_conn(conn)

    with serve(handler=lambda request: REPLY) as server:
        with Pool(server.host, server.port) as pool:
            pool.request("GET", "/")
            assert validated == list(pool.pool.queue)


def test_locust_sets_the_queue_class(monkeypatch):
    class Queue(queue.LifoQueue):
        pass

    monkeypatch.setattr(ConnectionPool, "QueueCls", Queue)
    with serve(handler=lambda request: REPLY) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            assert type(pool.pool) is Queue
            assert pool.request("GET", "/").data == b"ok"


class Dialled(HTTPConnection):
    """yt-dlp's and mlflow's: where the socket comes from."""

    def _new_conn(self):
        if self.host == "forbidden.test":
            raise NewConnectionError(self, "not there")
        return socket.create_connection((self.host, self.port), self.timeout)


class DialledPool(HTTPConnectionPool):
    ConnectionCls = Dialled


def test_a_manager_with_its_own_pools_and_its_own_keys():
    def key_of(key_class, context):
        context = {**context, "host": context["host"].lower()}
        key = {
            f"key_{name}": context.pop(name, None) for name in [f[4:] for f in key_class._fields]
        }
        key["key_headers"] = key["key_socket_options"] = None
        return key_class(**key)

    with serve(handler=lambda request: REPLY) as server, PoolManager() as manager:
        manager.pool_classes_by_scheme = {"http": DialledPool}
        manager.key_fn_by_scheme = {"http": functools.partial(key_of, PoolKey)}
        assert manager.request("GET", server.url()).data == b"ok"
        assert isinstance(manager.connection_from_url(server.url()), DialledPool)
        with pytest.raises(NewConnectionError, match="not there"):
            manager.request("GET", "http://forbidden.test/", retries=False)
