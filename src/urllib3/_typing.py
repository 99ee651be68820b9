"""Protocols of what modules pass to each other, so that a lower layer need not import a higher one.

Knows names and types alone.  The rule: a Protocol has only the members that its users need.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from collections.abc import Mapping


class CountsBody(typing.Protocol):
    """The part of a response that an error about its chunks reports."""

    length_remaining: int | None

    def tell(self) -> int: ...


class Proxy(typing.Protocol):
    """The URL of a proxy."""

    @property
    def scheme(self) -> str | None: ...

    @property
    def host(self) -> str | None: ...

    @property
    def port(self) -> int | None: ...


class BaseResponse(typing.Protocol):
    """The part of a response that a pool uses."""

    status: int
    version_string: str

    @property
    def headers(self) -> Mapping[str, str]: ...

    def get_redirect_location(self) -> str | typing.Literal[False] | None: ...

    def drain_conn(self) -> None: ...


class ProxySettings(typing.Protocol):
    """The settings of a proxy that decide about the route."""

    @property
    def use_forwarding_for_https(self) -> bool: ...


class ProxyTlsSettings(typing.Protocol):
    """How to secure a connection to a proxy."""

    @property
    def ssl_context(self) -> typing.Any: ...

    @property
    def assert_hostname(self) -> str | typing.Literal[False] | None: ...

    @property
    def assert_fingerprint(self) -> str | None: ...


class KeepsConnections(typing.Protocol):
    """The part of a pool to which a response returns its connection."""

    def _put_conn(self, conn: typing.Any) -> None: ...
