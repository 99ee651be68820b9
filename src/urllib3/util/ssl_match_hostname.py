"""Does a certificate belong to a host?  For when OpenSSL was not asked (RFC 6125, 6.4)."""

from __future__ import annotations

import ipaddress
import re
import typing

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

    from .ssl_ import _TYPE_PEER_CERT_RET_DICT

__version__ = "3.5.0.1"


class CertificateError(ValueError):
    """A certificate does not belong to the host."""


def match_hostname(
    cert: _TYPE_PEER_CERT_RET_DICT | None,
    hostname: str,
    hostname_checks_common_name: bool = False,
) -> None:
    """Check that *cert*, as ``SSLSocket.getpeercert()`` gives it, is for *hostname*.

    :param hostname_checks_common_name: let the subject's common name do if there is no
        alternative name

    Raises :class:`CertificateError` if it is for others, ValueError if there is none.
    """
    if not cert:
        raise ValueError(
            "empty or no certificate, match_hostname needs a "
            "SSL socket or SSL context with either "
            "CERT_OPTIONAL or CERT_REQUIRED"
        )
    address = _address(hostname)
    names = []
    for kind, value in cert.get("subjectAltName", ()):
        if kind == "DNS":
            if address is None and _matches(value, hostname):
                return
            names.append(value)
        elif kind == "IP Address":
            if address is not None and _is_address(value, address):
                return
            names.append(value)
    if hostname_checks_common_name and address is None and not names:
        for name in _common_names(cert):
            if _matches(name, hostname):
                return
            names.append(name)
    raise CertificateError(_complaint(hostname, names))


def _complaint(hostname: str, names: list[str]) -> str:
    if not names:
        return "no appropriate subjectAltName fields were found"
    listed = ", ".join(map(repr, names))
    return f"hostname {hostname!r} doesn't match {'either of ' if names[1:] else ''}{listed}"


def _common_names(cert: _TYPE_PEER_CERT_RET_DICT) -> Iterator[str]:
    for relative_name in cert.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                yield value


def _address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None


def _is_address(value: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    # OpenSSL has been seen to end the text with a line feed.
    return ipaddress.ip_address(value.rstrip()).packed == address.packed


def _matches(pattern: str, hostname: str) -> bool:
    """Whether the DNS name *pattern*, which may have a wildcard in its first label, covers *hostname*."""
    if not pattern:
        return False
    first, *rest = pattern.split(".")
    if first.count("*") > 1:
        raise CertificateError(f"too many wildcards in certificate DNS name: {pattern!r}")
    if "*" not in first:
        return pattern.lower() == hostname.lower()
    if first == "*":
        first_pattern = "[^.]+"
    elif first.lower().startswith("xn--") or hostname.lower().startswith("xn--"):
        # A wildcard within an encoded label would match by accident (RFC 6125, 6.4.3).
        first_pattern = re.escape(first)
    else:
        first_pattern = re.escape(first).replace(r"\*", "[^.]*")
    full = r"\.".join([first_pattern, *map(re.escape, rest)])
    return re.fullmatch(full, hostname, re.IGNORECASE) is not None
