"""The key under which a manager keeps a pool.

Knows which settings tell pools apart.  The rule: settings that differ in anything here never share
a connection.
"""

import typing

from .._base_connection import ProxyConfig
from .._optional import SSLContext, TLSVersion
from ..util.connection import _TYPE_SOCKET_OPTIONS
from ..util.retry import Retry
from ..util.timeout import Timeout
from ..util.url import Url


class PoolKey(typing.NamedTuple):
    """All settings by which pools differ.

    podman and yt-dlp build keys of their own from ``PoolKey._fields``.
    """

    key_scheme: str
    key_host: str
    key_port: int | None
    key_timeout: Timeout | float | int | None
    key_retries: Retry | bool | int | None
    key_block: bool | None
    key_source_address: tuple[str, int] | None
    key_key_file: str | None
    key_key_password: str | None
    key_cert_file: str | None
    key_cert_reqs: str | None
    key_ca_certs: str | None
    key_ca_cert_data: str | bytes | None
    key_ssl_version: int | str | None
    key_ssl_minimum_version: TLSVersion | None
    key_ssl_maximum_version: TLSVersion | None
    key_ca_cert_dir: str | None
    key_ssl_context: SSLContext | None
    key_maxsize: int | None
    key_headers: frozenset[tuple[str, str]] | None
    key__proxy: Url | None
    key__proxy_headers: frozenset[tuple[str, str]] | None
    key__proxy_config: ProxyConfig | None
    key_socket_options: _TYPE_SOCKET_OPTIONS | None
    key__socks_options: frozenset[tuple[str, str]] | None
    key_assert_hostname: bool | str | None
    key_assert_fingerprint: str | None
    key_server_hostname: str | None
    key_blocksize: int | None
    key_idle_timeout: float | None = None
    key_max_age: float | None = None
