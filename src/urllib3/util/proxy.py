"""Which requests go through a proxy by CONNECT.

Knows schemes and settings; the stages that follow are rows of ``_network.route``.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from .._typing import ProxyConfig, Url


def connection_requires_http_tunnel(
    proxy_url: Url | None = None,
    proxy_config: ProxyConfig | None = None,
    destination_scheme: str | None = None,
) -> bool:
    """Whether a request to *destination_scheme* goes through the proxy by CONNECT."""
    if not proxy_url:
        return False
    if destination_scheme == "http":
        return False
    forwarding = bool(proxy_config and proxy_config.use_forwarding_for_https)
    return not (forwarding and proxy_url.scheme == "https")
