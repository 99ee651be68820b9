"""The options of TLS: written once, read late, and what of them counts towards a proxy."""

from __future__ import annotations

import inspect
import ssl
from types import SimpleNamespace

import pytest

from urllib3 import HTTPSConnectionPool
from urllib3._base_connection import ProxyConfig
from urllib3._network.tls import TlsPolicy, proxy_policy
from urllib3.connection import HTTPSConnection
from urllib3.poolmanager import SSL_KEYWORDS, PoolKey


@pytest.mark.parametrize("constructor", [HTTPSConnection, HTTPSConnectionPool])
def test_constructors_take_each_option_by_its_name(constructor):
    # A pool hands what it does not know itself to its connections, through **conn_kw.
    parameters = inspect.signature(constructor).parameters
    missing = set(TlsPolicy._fields) - set(parameters)
    passed_on = {"ssl_context", "ca_cert_data", "server_hostname"}
    assert missing == (passed_on if constructor is HTTPSConnectionPool else set())
    if missing:
        assert any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def test_managers_tell_pools_apart_by_each_option():
    assert {f"key_{name}" for name in TlsPolicy._fields} <= set(PoolKey._fields)
    assert set(SSL_KEYWORDS) <= set(TlsPolicy._fields)


def test_every_option_is_read_off_the_object_when_asked():
    owner = SimpleNamespace(cert_reqs="CERT_NONE", ca_certs="x", unrelated=1)
    assert TlsPolicy.of(owner) == TlsPolicy(cert_reqs="CERT_NONE", ca_certs="x")
    owner.ca_certs = None
    assert TlsPolicy.of(owner) == TlsPolicy(cert_reqs="CERT_NONE")
    assert TlsPolicy.of(None) == TlsPolicy()


@pytest.mark.parametrize("name", TlsPolicy._fields)
def test_a_connection_keeps_each_option_where_it_is_read(name):
    value = SimpleNamespace(verify_mode=2) if name == "ssl_context" else f"any {name}"
    conn = HTTPSConnection("localhost", **{name: value})
    assert getattr(TlsPolicy.of(conn), name) == value


@pytest.mark.parametrize(
    ("options", "itself", "name"),
    [
        ({}, False, None),
        ({"assert_hostname": "x"}, True, "x"),
        ({"assert_hostname": False}, True, None),
        ({"assert_hostname": ""}, False, None),
        ({"assert_hostname": True}, False, None),
        ({"assert_fingerprint": "aa"}, True, None),
        ({"assert_fingerprint": ""}, False, None),
        ({"server_hostname": "x"}, False, None),
    ],
)
def test_who_checks_the_name(options, itself, name):
    policy = TlsPolicy(**options)
    assert (policy.checks_name_itself, policy.asserted_name) == (itself, name)


# ---------------------------------------------------------------- towards a proxy

OWN = TlsPolicy(*[f"own {name}" for name in TlsPolicy._fields])
TRUST = ("cert_reqs", "ca_certs", "ca_cert_dir", "ca_cert_data")
VERSIONS = ("ssl_version", "ssl_minimum_version", "ssl_maximum_version")


def settings(context=None):
    return ProxyConfig(context, False, "proxy name", "proxy fingerprint")


@pytest.mark.parametrize("forwarding", [True, False])
def test_a_proxys_own_context_stands_alone(forwarding):
    context = SimpleNamespace(verify_mode=ssl.CERT_OPTIONAL)
    assert proxy_policy(OWN, settings(context), forwarding) == TlsPolicy(
        ssl_context=context,
        cert_reqs=ssl.CERT_OPTIONAL,
        assert_hostname="proxy name",
        assert_fingerprint="proxy fingerprint",
    )


@pytest.mark.parametrize(("forwarding", "context"), [(True, "own ssl_context"), (False, None)])
def test_without_one_a_proxy_shares_the_origins_trust_and_nothing_else(forwarding, context):
    shared = {name: f"own {name}" for name in TRUST + VERSIONS}
    assert proxy_policy(OWN, settings(), forwarding) == TlsPolicy(
        ssl_context=context,
        assert_hostname="proxy name",
        assert_fingerprint="proxy fingerprint",
        **shared,
    )
