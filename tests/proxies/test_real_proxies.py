"""Proxies as people run them: squid, with and without TLS, and tinyproxy."""

from __future__ import annotations

import pytest

from tests.support.programs import need, running
from tests.support.scripted import serve
from tests.support.tls import tls_server
from urllib3 import ProxyManager, make_headers
from urllib3.exceptions import ProxyError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
USER, PASSWORD = "us er", "p:w%"

SQUID = """
{kind} 127.0.0.1:{port}{options}
pid_filename {folder}/pid
cache_log {folder}/cache.log
access_log none
netdb_filename none
coredump_dir {folder}
cache deny all
shutdown_lifetime 0 seconds
visible_hostname squid.test
pinger_enable off
{auth}
"""
SQUID_AUTH = """
auth_param basic program /bin/sh {folder}/check.sh
auth_param basic children 1
auth_param basic realm squid
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""
# A helper of squid: a line with user and password, percent-encoded, is answered OK or ERR.  In the
# shell's language, since squid has given up the rights to run the Python of somebody's home.
CHECK = """
while read -r line; do
    case "$line" in
        "us%20er p:w%25" | "us%20er p%3Aw%25" | "us%20er p%3aw%25") echo OK ;;
        *) echo ERR ;;
    esac
done
"""
TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 30
MaxClients 20
LogLevel Critical
{auth}
"""


@pytest.fixture(scope="module")
def squid(tmp_path_factory):
    """Start squid with these settings."""
    program = need("squid")

    def start(auth=False, certificate=None):
        folder = tmp_path_factory.mktemp("squid")
        # squid leaves the rights of root, under which it may be started, behind: it must be able
        # to write here, and to come here from a place that everybody can enter.
        folder.chmod(0o777)
        for place in folder.parents:
            if place.stat().st_mode & 0o001:
                break
            place.chmod(0o755)
        (folder / "check.sh").write_text(CHECK)
        options = f" tls-cert={certificate}" if certificate else ""

        def command(port):
            text = SQUID.format(
                kind="https_port" if certificate else "http_port",
                port=port,
                options=options,
                folder=folder,
                auth=SQUID_AUTH.format(folder=folder) if auth else "http_access allow all",
            )
            (folder / "squid.conf").write_text(text)
            return [program, "-N", "-f", str(folder / "squid.conf")]

        return running(command, folder)

    return start


@pytest.fixture
def tinyproxy(tmp_path):
    program = need("tinyproxy")

    def start(auth=False):
        def command(port):
            # The name and the password are single words to tinyproxy.
            line = "BasicAuth user password" if auth else ""
            (tmp_path / "tinyproxy.conf").write_text(TINYPROXY.format(port=port, auth=line))
            return [program, "-d", "-c", str(tmp_path / "tinyproxy.conf")]

        return running(command, tmp_path)

    return start


def use(manager, plain, secure):
    """Two requests to a plain target, two to one with TLS."""
    for _ in range(2):
        assert manager.request("GET", plain.url("/a?b#c")).data == b"ok"
        assert manager.request("GET", f"https://localhost:{secure.port}/").data == b"ok"


@pytest.fixture
def targets(certificates):
    with serve(handler=lambda request: OK) as plain:
        with tls_server(certificates.localhost.server_context()) as secure:
            yield plain, secure


@pytest.mark.external("squid")
def test_squid_forwards_and_tunnels(squid, targets, certificates):
    with squid() as port:
        with ProxyManager(
            f"http://127.0.0.1:{port}", timeout=10, ca_certs=certificates.ca
        ) as manager:
            use(manager, *targets)
    plain, _ = targets
    assert [request.line for request in plain.requests] == ["GET /a?b HTTP/1.1"] * 2
    assert "squid" in plain.requests[0].get("Via")


@pytest.mark.external("squid")
def test_squid_asks_who_one_is(squid, targets, certificates):
    plain, secure = targets
    url = f"https://localhost:{secure.port}/"
    known = make_headers(proxy_basic_auth=f"{USER}:{PASSWORD}")
    with squid(auth=True) as port:
        place = f"127.0.0.1:{port}"
        options = {"timeout": 10, "ca_certs": certificates.ca}
        with ProxyManager(f"http://{place}", **options) as manager:
            assert manager.request("GET", plain.url()).status == 407
            with pytest.raises(ProxyError, match="Tunnel connection failed: 407 "):
                manager.request("GET", url, retries=False)
        with ProxyManager(f"http://{place}", proxy_headers=known, **options) as manager:
            use(manager, plain, secure)
        with ProxyManager(f"http://us%20er:p%3Aw%25@{place}", **options) as manager:
            use(manager, plain, secure)
    assert {request.get("Proxy-Authorization") for request in plain.requests} == {None}


@pytest.mark.external("squid")
def test_squid_with_tls_forwards_and_tunnels(squid, targets, certificates):
    with squid(certificate=certificates.localhost.path) as port:
        with ProxyManager(
            f"https://localhost:{port}", timeout=10, ca_certs=certificates.ca
        ) as manager:
            use(manager, *targets)


@pytest.mark.external("squid")
def test_squid_without_tls_gets_a_hint(squid, targets):
    with squid() as port:
        with ProxyManager(f"https://127.0.0.1:{port}", timeout=10) as manager:
            with pytest.raises(ProxyError, match="Your proxy appears to only use HTTP"):
                manager.request("GET", targets[0].url(), retries=False)


@pytest.mark.external("tinyproxy")
def test_tinyproxy_forwards_and_tunnels(tinyproxy, targets, certificates):
    with tinyproxy() as port:
        with ProxyManager(
            f"http://127.0.0.1:{port}", timeout=10, ca_certs=certificates.ca
        ) as manager:
            use(manager, *targets)
    assert "tinyproxy" in targets[0].requests[0].get("Via")


@pytest.mark.external("tinyproxy")
def test_tinyproxy_asks_who_one_is(tinyproxy, targets, certificates):
    plain, secure = targets
    with tinyproxy(auth=True) as port:
        options = {"timeout": 10, "ca_certs": certificates.ca}
        with ProxyManager(f"http://127.0.0.1:{port}", **options) as manager:
            assert manager.request("GET", plain.url()).status == 407
            with pytest.raises(ProxyError, match="Tunnel connection failed: 407 "):
                manager.request("GET", f"https://localhost:{secure.port}/", retries=False)
        with ProxyManager(f"http://user:password@127.0.0.1:{port}", **options) as manager:
            use(manager, plain, secure)
