"""Which certificates belong to which hosts, by our own check."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urllib3.exceptions import HTTPError
from urllib3.util import ssl_match_hostname
from urllib3.util.ssl_match_hostname import CertificateError, _dnsname_match, match_hostname

DATA = Path(__file__).parents[1] / "data"
ROWS = json.loads((DATA / "match_hostname.json").read_text("utf-8"))


def certificate(row):
    cert = {"serialNumber": "1"}  # an empty dict would be no certificate at all
    if row["san"]:
        cert["subjectAltName"] = tuple(map(tuple, row["san"]))
    if row["cn"]:
        cert["subject"] = ((("organizationName", "x"),), (("commonName", row["cn"]),))
    return cert


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['san'] or row['cn']} {row['hostname']}"
)
def test_the_table_of_names(row):
    arguments = certificate(row), row["hostname"], row["flag"]
    if row["matches"]:
        assert match_hostname(*arguments) is None
    else:
        with pytest.raises(CertificateError) as refusal:
            match_hostname(*arguments)
        assert str(refusal.value) == row.get("text", str(refusal.value))


def test_a_wrong_name_is_a_value_error_and_no_error_of_ours_or_of_ssl():
    assert issubclass(CertificateError, ValueError)
    assert not issubclass(CertificateError, (HTTPError, ssl.SSLError))
    assert CertificateError is not ssl.CertificateError
    assert ssl_match_hostname.__version__ == "3.5.0.1"


@pytest.mark.parametrize("cert", [None, {}])
def test_no_certificate_is_another_error_than_the_wrong_one(cert):
    with pytest.raises(ValueError, match="empty or no certificate") as error:
        match_hostname(cert, "a.com")
    assert type(error.value) is ValueError


def test_an_address_that_is_none_is_not_passed_over_in_silence():
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        match_hostname({"subjectAltName": (("IP Address", "x"),)}, "1.2.3.4")


def test_case_is_that_of_ascii_only():
    with pytest.raises(CertificateError):
        match_hostname({"subjectAltName": (("DNS", "\N{KELVIN SIGN}.com"),)}, "k.com")


LABEL = st.text("ab-", min_size=1, max_size=4)
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join)


@given(NAME, NAME)
def test_a_name_without_wildcard_belongs_to_itself_alone(name, other):
    cert = {"subjectAltName": (("DNS", name.upper()),)}
    match_hostname(cert, name)
    if other != name:
        with pytest.raises(CertificateError):
            match_hostname(cert, other)


@given(LABEL, NAME, NAME)
def test_a_wildcard_covers_one_label(label, domain, other):
    cert = {"subjectAltName": (("DNS", f"*.{domain}"),)}
    match_hostname(cert, f"{label}.{domain}")
    if other.partition(".")[2] != domain:
        with pytest.raises(CertificateError):
            match_hostname(cert, other)


@pytest.mark.parametrize(
    ("pattern", "hostname", "most", "found"),
    [
        ("", "a.com", 1, False),
        (None, "a.com", 1, False),
        ("a.com", "A.com", 1, True),
        ("a.com", "b.com", 1, False),
        ("*.com", "b.org", 1, None),
        ("*.com", ".com", 1, None),
        ("*a*.com", "xax.com", 2, "xax.com"),
        ("a*b*c.com", "abc.com", 2, "abc.com"),
        ("a*b*c.com", "ac.com", 2, None),
        ("a*bb*b.com", "abb.com", 2, None),
        ("f*.a.com", "foo.a.com", 1, "foo.a.com"),
        ("xn--*.com", "xn--foo.com", 1, None),
    ],
)
def test_one_name_is_compared_by_the_function_that_others_import(pattern, hostname, most, found):
    answer = _dnsname_match(pattern, hostname, max_wildcards=most)
    if isinstance(found, str):
        assert answer.group() == found
    else:
        assert answer is found


def test_more_wildcards_than_wanted_are_an_error():
    with pytest.raises(CertificateError, match="too many wildcards"):
        _dnsname_match("*a*.com", "xax.com")


def test_many_wildcards_take_no_longer_than_the_name_is_long():
    """Backtracking would look at the name about 10**40 times."""
    assert not _dnsname_match("a*" * 32 + "b.com", "a" * 63 + ".com", max_wildcards=99)
