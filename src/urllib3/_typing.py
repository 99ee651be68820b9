"""Shapes of what modules hand to each other, so that a lower one need not import a higher."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from collections.abc import Mapping


class CountsBody(typing.Protocol):
    """A response, as far as an error about its chunks asks it."""

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
    """What a connection answers with, as far as a pool asks it."""

    status: int
    version_string: str

    @property
    def headers(self) -> Mapping[str, str]: ...

    def get_redirect_location(self) -> str | typing.Literal[False] | None: ...

    def drain_conn(self) -> None: ...


class ProxySettings(typing.Protocol):
    """How to speak to a proxy, as far as the route depends on it."""

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
    """A pool, as far as a response gives its connection back to it."""

    def _put_conn(self, conn: typing.Any) -> None: ...
