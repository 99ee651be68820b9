"""A SOCKS proxy as companies run it: dante, by both versions of the protocol, to sites with and without TLS.

It knows users by the password file of the system.  Where the tests may, they show it another one,
in a namespace of its own, and otherwise skip.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import need, running
from tests.support.scripted import serve
from urllib3.exceptions import NewConnectionError

pytest.importorskip("socks", reason="PySocks is not installed")
from urllib3.contrib.socks import SOCKSProxyManager

pytestmark = pytest.mark.external("danted")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SCHEMES = ("socks5", "socks5h", "socks4")  # dante 1.4.2 takes the 0.0.0.1 of socks4a for an address

DANTE = """
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: {method}
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""
# Bob and his password, p@ss.
USER = "bob:x:65000:65534::/nonexistent:/usr/sbin/nologin\n"
SHADOW = (
    "bob:$6$se2Sqp6srcThQsoZ$WVLEyMHW232OZcOdKkyCp49NW08FoW864zIWUxudLVZK3NfoQRxkRT6LW9d9xmOI.7aP"
    "8Hhylm19wDYApUi.60:19000:0:99999:7:::\n"
)
# In a mount namespace that ends with the proxy, so that nobody else sees another password file.
WITH_USERS = (
    "mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/shadow /etc/shadow && exec "
)


def proxy(folder, method):
    """Start dante; it asks for what METHOD says."""
    program = need("danted")

    def command(port):
        (folder / "danted.conf").write_text(DANTE.format(port=port, method=method))
        start = [program, "-f", f"{folder}/danted.conf", "-p", f"{folder}/pid"]
        if method == "none":
            return start
        return ["unshare", "-m", "sh", "-c", WITH_USERS.format(folder=folder) + " ".join(start)]

    return running(command, folder)


@pytest.fixture(scope="module")
def open_proxy(tmp_path_factory):
    with proxy(tmp_path_factory.mktemp("dante"), "none") as port:
        yield port


@pytest.fixture(scope="module")
def guarded_proxy(tmp_path_factory):
    need("danted")
    if os.geteuid() != 0 or subprocess.run([need("unshare"), "-m", "true"], check=False).returncode:
        pytest.skip("a namespace of one's own needs root")
    folder = tmp_path_factory.mktemp("dante")
    (folder / "passwd").write_text(Path("/etc/passwd").read_text() + USER)
    (folder / "shadow").write_text(SHADOW)
    with proxy(folder, "username") as port:
        yield port


@pytest.fixture
def site():
    with serve(handler=lambda request: OK) as server:
        yield server


@pytest.fixture
def secure_site(certificates):
    with serve(handler=lambda request: OK, tls=certificates.localhost.server_context()) as server:
        yield server


def manager(port, certificates, scheme="socks5h", user="", **kw):
    kw = {"retries": False, "timeout": 10, "ca_certs": certificates.ca, **kw}
    return SOCKSProxyManager(f"{scheme}://{user}127.0.0.1:{port}", **kw)


def use(http, site, secure_site):
    for _ in range(2):
        assert http.request("GET", site.url("/a")).data == b"ok"
        assert http.request("POST", secure_site.url("/b"), body=b"x" * 200_000).data == b"ok"
    assert (site.connections, secure_site.connections) == (1, 1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_leads_to_both_sites(open_proxy, scheme, site, secure_site, certificates):
    with manager(open_proxy, certificates, scheme) as http:
        use(http, site, secure_site)


@pytest.mark.parametrize(
    ("user", "kw"),
    [("bob:p%40ss@", {}), ("", {"username": "bob", "password": "p@ss"})],
    ids=["in the URL", "as arguments"],
)
def test_who_has_a_password_comes_in(guarded_proxy, user, kw, site, secure_site, certificates):
    with manager(guarded_proxy, certificates, user=user, **kw) as http:
        use(http, site, secure_site)


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("bob:wrong@", "SOCKS5 authentication failed"),
        ("eve:p%40ss@", "SOCKS5 authentication failed"),
        ("", "All offered SOCKS5 authentication methods were rejected"),
    ],
)
def test_who_has_none_does_not(guarded_proxy, user, text, site, certificates):
    with manager(guarded_proxy, certificates, user=user) as http:
        with pytest.raises(NewConnectionError, match=text):
            http.request("GET", site.url())
    assert site.connections == 0


def test_a_site_that_refuses_is_told_by_the_proxy(open_proxy, certificates):
    with serve(handler=lambda request: OK) as gone:
        pass
    with manager(open_proxy, certificates) as http:
        with pytest.raises(NewConnectionError, match="0x05: Connection refused"):
            http.request("GET", gone.url())
