"""Does a certificate belong to a host?  For when OpenSSL was not asked (RFC 6125, 6.4)."""

from __future__ import annotations

import ipaddress
import re
import typing

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

    from .._typing import _TYPE_PEER_CERT_RET_DICT

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Of the module that this one stands in for.
__version__ = "3.5.0.1"


class CertificateError(ValueError):
    """A certificate does not belong to the host."""


def match_hostname(
    cert: _TYPE_PEER_CERT_RET_DICT | None,
    hostname: str,
    hostname_checks_common_name: bool = False,
) -> None:
    """Check that *cert*, as ``SSLSocket.getpeercert()`` gives it, is for *hostname*.

    :param hostname: name or IP address, the latter without brackets
    :param hostname_checks_common_name: let the subject's common name do for a name, if there is no
        alternative name of either kind

    Raises :class:`CertificateError` if it is for others, ValueError if there is none.
    """
    if not cert:
        raise ValueError(
            "empty or no certificate, match_hostname needs a "
            "SSL socket or SSL context with either "
            "CERT_OPTIONAL or CERT_REQUIRED"
        )
    address = _address(hostname)
    names: list[str] = []
    for kind, value in cert.get("subjectAltName", ()):
        if kind == "DNS":
            matched = address is None and bool(_dnsname_match(value, hostname))
        elif kind == "IP Address":
            matched = address is not None and _ipaddress_match(value, address)
        else:
            continue
        if matched:
            return
        names.append(value)
    if hostname_checks_common_name and address is None and not names:
        for name in _common_names(cert):
            if _dnsname_match(name, hostname):
                return
            names.append(name)
    raise CertificateError(_complaint(hostname, names))


def _complaint(hostname: str, names: list[str]) -> str:
    if not names:
        return "no appropriate subjectAltName fields were found"
    either = "either of " if len(names) > 1 else ""
    return f"hostname {hostname!r} doesn't match {either}{', '.join(map(repr, names))}"


def _common_names(cert: _TYPE_PEER_CERT_RET_DICT) -> Iterator[str]:
    for relative_name in cert.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                yield value


def _address(hostname: str) -> Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None


def _ipaddress_match(ipname: str, host_ip: Address) -> bool:
    """Whether an ``IP Address`` of a certificate is *host_ip*."""
    # OpenSSL ends the text with a line feed.  A zone is the client's own affair: packed has none.
    return ipaddress.ip_address(ipname.rstrip()).packed == host_ip.packed


def _dnsname_match(
    dn: typing.Any, hostname: str, max_wildcards: int = 1
) -> typing.Match[str] | bool | None:
    """Whether the DNS name *dn* covers *hostname*: something that is true, or not.

    A wildcard stands for text within the left-most label, and for itself anywhere else.  What is
    returned is of the types of urllib3 2.8.0, since tests of others look at it.

    Raises :class:`CertificateError` for more than *max_wildcards* in the left-most label.
    """
    if not dn:
        return False
    first = dn.partition(".")[0]
    if first.count("*") > max_wildcards:
        raise CertificateError(f"too many wildcards in certificate DNS name: {dn!r}")
    labels, host_labels = _folded(dn).split("."), _folded(hostname).split(".")
    matched = labels[1:] == host_labels[1:] and _label_matches(labels[0], host_labels[0])
    if "*" not in first:
        return matched
    return re.match("(?s:.*)", hostname) if matched else None


def _label_matches(pattern: str, label: str) -> bool:
    if pattern == "*":
        return label != ""
    # Part of an encoded label says nothing about the name it encodes (RFC 6125, 6.4.3).
    if "*" not in pattern or pattern.startswith("xn--") or label.startswith("xn--"):
        return pattern == label
    start, *between, end = pattern.split("*")
    at, stop = len(start), len(label) - len(end)
    if at > stop or not (label.startswith(start) and label.endswith(end)):
        return False
    for text in between:
        found = label.find(text, at, stop)
        if found < 0:
            return False
        at = found + len(text)
    return True


def _folded(name: str) -> str:
    # Case is ASCII's alone: str.lower would take the Kelvin sign for a k.
    return "".join([char.lower() if char.isascii() else char for char in name])
