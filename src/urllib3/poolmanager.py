"""Which pool a request belongs to, and where it goes next.

A manager keeps one pool for each set of settings (the pool key), least recently used ones dropped.
It follows redirects across hosts itself: each hop is a call of ``self.urlopen``, which programs
override to look at it, with one budget of retries for all.
"""

from __future__ import annotations

import functools
import logging
import typing
import warnings

from ._base_connection import ProxyConfig
from ._collections import HTTPHeaderDict, RecentlyUsedContainer
from ._network.tls import ContextMemo
from ._pool import key as _key
from ._pool.failure import give_up
from ._pool.redirect import Rewritten, joined, location_of, onward, redirected
from ._request_methods import RequestMethods
from .connection import port_by_scheme
from .connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from .exceptions import (
    LocationValueError,
    MaxRetryError,
    ProxySchemeUnknown,
    URLSchemeUnknown,
)
from .util.proxy import connection_requires_http_tunnel
from .util.request import make_headers, prepare_to_resend, set_file_position
from .util.retry import Retry
from .util.url import Url, absolute_form, lower_host, parse_url, system_host, without_zone
from .util.util import exact_str

if typing.TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from .response import BaseHTTPResponse

__all__ = ["PoolManager", "ProxyManager", "proxy_from_url"]

log = logging.getLogger(__name__)

#: Settings that mean nothing to a pool for plain HTTP.
SSL_KEYWORDS = (
    "key_file",
    "cert_file",
    "cert_reqs",
    "ca_certs",
    "ca_cert_data",
    "ssl_version",
    "ssl_minimum_version",
    "ssl_maximum_version",
    "ca_cert_dir",
    "ssl_context",
    "key_password",
    "server_hostname",
    "assert_hostname",
    "assert_fingerprint",
)
_DEFAULT_BLOCKSIZE = 16384

PoolKey = _key.PoolKey
PoolKey.__module__ = __name__  # as its pickles say


def _default_key_normalizer(
    key_class: type[PoolKey], request_context: dict[str, typing.Any]
) -> PoolKey:
    """The key of a pool with the settings *request_context*, which stays as it is.

    Raises KeyError without scheme or host, TypeError for a setting that no pool knows or that
    cannot be hashed.
    """
    context = request_context.copy()
    context["scheme"] = context["scheme"].lower()
    context["host"] = lower_host(context["host"])
    for name in ("headers", "_proxy_headers", "_socks_options"):
        if context.get(name) is not None:
            # Through a tuple, for the items of an HTTPHeaderDict are a set in name only.
            context[name] = frozenset(tuple(context[name].items()))
    if context.get("socket_options") is not None:
        context["socket_options"] = tuple(context["socket_options"])
    key: dict[str, typing.Any] = dict.fromkeys(key_class._fields)
    for name, value in context.items():
        # A password, say, in a buffer that its owner can overwrite: it counts by what it holds.
        key[f"key_{name}"] = bytes(value) if isinstance(value, bytearray) else value
    if key["key_blocksize"] is None:
        key["key_blocksize"] = _DEFAULT_BLOCKSIZE
    return key_class(**key)


#: How the key of a pool is made, by scheme.  Copied into each manager, where it may be replaced.
key_fn_by_scheme: dict[str, Callable[..., PoolKey]] = {
    "http": functools.partial(_default_key_normalizer, PoolKey),
    "https": functools.partial(_default_key_normalizer, PoolKey),
}

#: What a pool is made of, by scheme.  Managers refer to this very object.
pool_classes_by_scheme: dict[str, type[HTTPConnectionPool]] = {
    "http": HTTPConnectionPool,
    "https": HTTPSConnectionPool,
}


class PoolManager(RequestMethods):
    """Requests to any host, each over the pool that belongs to it.

    :param num_pools: pools to keep
    :param headers: default request headers
    :param connection_pool_kw: settings for the pools and their connections

    A setting that no pool knows is a TypeError at the first request.
    """

    proxy: Url | None = None
    proxy_config: ProxyConfig | None = None

    def __init__(
        self,
        num_pools: int = 10,
        headers: Mapping[str, str] | None = None,
        **connection_pool_kw: typing.Any,
    ) -> None:
        super().__init__(headers)
        self.connection_pool_kw = _with_retry(connection_pool_kw)
        self.pools: RecentlyUsedContainer[PoolKey, HTTPConnectionPool]
        self.pools = RecentlyUsedContainer(num_pools)
        # botocore, podman, yt-dlp and others replace one or the other on the instance.
        self.pool_classes_by_scheme = pool_classes_by_scheme
        self.key_fn_by_scheme = key_fn_by_scheme.copy()
        self._contexts = ContextMemo()
        self._keys = _KeyCache()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> typing.Literal[False]:
        self.clear()
        return False

    def clear(self) -> None:
        """Forget every pool.  Idle sockets close with them; responses in progress go on."""
        self.pools.clear()

    # ------------------------------------------------------------ which pool

    def _new_pool(
        self,
        scheme: str,
        host: str,
        port: int,
        request_context: dict[str, typing.Any] | None = None,
    ) -> HTTPConnectionPool:
        """Make a pool; meant to be overridden.  *request_context* is used up."""
        pool_class = self.pool_classes_by_scheme[scheme]
        settings = self.connection_pool_kw.copy() if request_context is None else request_context
        foreign = SSL_KEYWORDS if scheme == "http" else ()
        for name in ("scheme", "host", "port", *foreign):
            settings.pop(name, None)
        if settings.get("blocksize") is None:
            settings["blocksize"] = _DEFAULT_BLOCKSIZE
        return pool_class(host, port, **settings)

    def connection_from_host(
        self,
        host: str | None,
        port: int | None = None,
        scheme: str | None = "http",
        pool_kwargs: dict[str, typing.Any] | None = None,
    ) -> HTTPConnectionPool:
        """The pool for *host*.

        :param port: None = the scheme's
        :param pool_kwargs: settings that override the manager's; None as a value removes one

        Raises ``LocationValueError`` without a host, ``URLSchemeUnknown``.
        """
        if not host:
            raise LocationValueError("No host specified.")
        kind = type(self)
        if (
            pool_kwargs is None
            and kind._merge_pool_kwargs is _OUR_MERGE
            and kind.connection_from_context is _OUR_FROM_CONTEXT
            and kind.connection_from_pool_key is _OUR_FROM_KEY
        ):
            key = self._keys.get(self, scheme, host, port)
            pool = self.pools.get(key) if key is not None else None
            if pool:
                return pool
        host, scheme = exact_str(host), exact_str(scheme)
        context = self._merge_pool_kwargs(pool_kwargs)
        context["scheme"] = scheme or "http"
        if port is None:
            port = port_by_scheme.get(context["scheme"].lower(), 80)
        context["port"] = port
        context["host"] = host
        return self.connection_from_context(context)

    def connection_from_context(self, request_context: dict[str, typing.Any]) -> HTTPConnectionPool:
        """The pool with the settings *request_context*, which must have scheme, host and port."""
        if "strict" in request_context:
            warnings.warn(
                "The 'strict' parameter is no longer needed on Python 3+. "
                "This will raise an error in urllib3 v3.0.",
                FutureWarning,
                stacklevel=2,
            )
            request_context.pop("strict")
        scheme = request_context["scheme"].lower()
        make_key = self.key_fn_by_scheme.get(scheme)
        if make_key is None:
            raise URLSchemeUnknown(scheme)
        return self.connection_from_pool_key(
            make_key(request_context), request_context=request_context
        )

    def connection_from_pool_key(
        self, pool_key: PoolKey, request_context: dict[str, typing.Any]
    ) -> HTTPConnectionPool:
        """The pool kept under *pool_key*, or a new one with the settings *request_context*."""
        # Two threads that ask for the same pool at once must get the same one.
        with self.pools.lock:
            pool: HTTPConnectionPool | None = self.pools.get(pool_key)
            if pool:
                return pool
            scheme, host, port = (request_context[name] for name in ("scheme", "host", "port"))
            pool = self._new_pool(scheme, host, port, request_context=request_context)
            if isinstance(pool, HTTPSConnectionPool):
                pool._contexts = self._contexts
            self.pools[pool_key] = pool
        return pool

    def connection_from_url(
        self, url: str, pool_kwargs: dict[str, typing.Any] | None = None
    ) -> HTTPConnectionPool:
        """The pool for the host of *url*; see :meth:`connection_from_host`."""
        parsed = parse_url(url)
        return self.connection_from_host(
            system_host(parsed.host),
            port=parsed.port,
            scheme=parsed.scheme,
            pool_kwargs=pool_kwargs,
        )

    def _merge_pool_kwargs(self, override: dict[str, typing.Any] | None) -> dict[str, typing.Any]:
        merged = self.connection_pool_kw.copy()
        for name, value in (override or {}).items():
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = value
        return merged

    def _proxy_requires_url_absolute_form(self, parsed_url: Url) -> bool:
        if self.proxy is None:
            return False
        return not connection_requires_http_tunnel(self.proxy, self.proxy_config, parsed_url.scheme)

    def _set_proxy_headers(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """*headers* for a request that a proxy forwards: Accept and Host added unless there.

        Made anew for each hop, since each has its own Host.
        """
        named = {name.lower() for name in headers or ()}
        fields: dict[str, str] = {}
        if "accept" not in named:
            fields["Accept"] = "*/*"
        netloc = parse_url(url).netloc
        if netloc and "host" not in named:
            fields["Host"] = without_zone(netloc)
        if isinstance(headers, HTTPHeaderDict):
            return HTTPHeaderDict(fields) | headers
        fields.update(headers or {})
        return fields

    # ------------------------------------------------------------ each hop

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **kw: typing.Any
    ) -> BaseHTTPResponse:
        """Get a request answered by whatever host *url* names, following redirects to any other.

        :param url: absolute
        :param redirect: follow redirects
        :param kw: what the pool's ``urlopen`` takes; ``headers`` default to the manager's

        Raises what the pool's ``urlopen`` raises, and ``LocationValueError``,
        ``LocationParseError`` or ``URLSchemeUnknown`` for a URL that names no place.
        """
        parsed = parse_url(url)
        scheme, _, host, port, path, query, _ = parsed
        if scheme is None:
            warnings.warn(
                "URLs without a scheme (ie 'https://') are deprecated and will raise an error "
                "in urllib3 v3.0. To avoid this FutureWarning ensure all URLs "
                "start with 'https://' or 'http://'. Read more in this issue: "
                "https://github.com/urllib3/urllib3/issues/2920",
                category=FutureWarning,
                stacklevel=2,
            )
            scheme = "http"
            parsed = parsed._replace(scheme=scheme)
            url = parsed.url  # what a relative Location is joined to
        elif self.proxy is not None and scheme not in self.key_fn_by_scheme:
            raise URLSchemeUnknown(scheme)
        if "%" in url:
            host = system_host(host)
        pool = self.connection_from_host(host, port=port, scheme=scheme)
        kw["assert_same_host"] = kw["redirect"] = False
        if kw.get("headers") is None:
            kw["headers"] = self.headers
        start = kw.get("body_pos") if kw.get("body") is None else _start_of_body(kw)
        if self.proxy is not None and self._proxy_requires_url_absolute_form(parsed):
            fields = self._set_proxy_headers(url, kw["headers"])
            response = pool.urlopen(method, absolute_form(parsed), **{**kw, "headers": fields})
        else:
            target = path or "/"
            response = pool.urlopen(method, target if query is None else f"{target}?{query}", **kw)
        location = redirect and response.get_redirect_location()
        if not location:
            return response
        kw["redirect"] = redirect
        request = Rewritten(method, kw.get("body"), start, kw["headers"], kw.get("chunked", False))
        return self._follow(request, url, location, pool, response, kw)

    def _follow(
        self,
        request: Rewritten,
        url: str,
        location: str,
        pool: HTTPConnectionPool,
        response: BaseHTTPResponse,
        kw: dict[str, typing.Any],
    ) -> BaseHTTPResponse:
        """The answer to *request* from where *response*, to it at *url*, says; or *response*.

        :param location: what the response says
        :param kw: the options of the request, changed
        """
        policy = kw.get("retries", response.retries)
        try:
            request = redirected(request, response.status)
            spent = _count_hop(request.method, url, policy, pool, response)
            if spent is None:
                return response
            response.drain_conn()
        except BaseException:
            give_up(response)
            raise
        location = joined(url, location_of(response, location))
        log.info("Redirecting %s -> %s", url, location)
        request = onward(request, url, location, spent.remove_headers_on_redirect)
        prepare_to_resend(request.body, request.body_pos)
        kw.update(request._asdict(), retries=spent)
        return self.urlopen(kw.pop("method"), location, **kw)


def _count_hop(
    method: str,
    url: str,
    policy: Retry | bool | int | None,
    pool: HTTPConnectionPool,
    response: BaseHTTPResponse,
) -> Retry | None:
    """*policy* less the redirect that *response* is; None if this redirect is the answer."""
    if not isinstance(policy, Retry):
        policy = Retry.from_int(policy, redirect=True)
    try:
        return policy.increment(method, url, response=response, _pool=pool)
    except MaxRetryError:
        if policy.raise_on_redirect:
            response.drain_conn()
            raise
        return None


def _with_retry(settings: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """*settings* with a ``Retry`` for whatever stands for one.

    Pools of a manager are told not to follow redirects: made into a ``Retry`` there, a number
    would keep the manager from following them too.
    """
    given = settings.get("retries", Retry.DEFAULT)
    return settings if isinstance(given, Retry) else {**settings, "retries": Retry.from_int(given)}


def _start_of_body(kw: dict[str, typing.Any]) -> typing.Any:
    """Where a file-like body begins, so that a later hop sends it again from there."""
    given = kw.get("body_pos")
    return set_file_position(kw["body"], None) if given is None else given


class _AsItWas(HTTPHeaderDict):
    """A copy that is equal to one whose names, values and their division are still the same."""

    def __eq__(self, other: object) -> bool:
        return type(other) is HTTPHeaderDict and self._container == other._container

    __hash__ = None


# What a key looks into, so that a change in place is a change of the key.
_LOOKED_INTO = frozenset({"headers", "_proxy_headers", "_socks_options", "socket_options"})
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
# Of what is equal to itself alone, of named tuples, of enumerations of numbers.
_EQUAL: tuple[typing.Any, ...] = (object.__eq__, tuple.__eq__, int.__eq__)


def _is_comparable(value: typing.Any) -> bool:
    """Whether *value* is equal only to what makes the same key, and by itself never changes."""
    kind = type(value)
    if kind in (list, tuple, dict):
        parts = value.items() if kind is dict else value
        return all(_is_comparable(part) for part in parts)
    if kind is _AsItWas:
        return all(_is_comparable(pair) for pair in value.iteritems())
    return kind in _PLAIN or any(kind.__eq__ is equal for equal in _EQUAL)


class _Snapshot:
    """A manager's settings at one moment, and the keys that were made with just these.

    Never changed but for further keys: a thread that is about to make a key cannot put it among
    those of settings that another thread has changed meanwhile.
    """

    MAX_KEYS = 1000

    __slots__ = ("keys", "settings")

    #: By scheme, host and port; None if nobody can say whether the settings are still the same.
    #: Each key is added by one operation of a dict, with no lock; two threads may make the same.
    keys: dict[tuple[str, str, int], PoolKey] | None

    def __init__(self, settings: dict[str, typing.Any]) -> None:
        self.settings = {name: _copied(value) for name, value in settings.copy().items()}
        comparable = "strict" not in self.settings and all(
            _is_comparable(value)
            and (name not in _LOOKED_INTO or value is None or type(value) in _COPIED)
            for name, value in self.settings.items()
        )
        self.keys = {} if comparable else None

    def make(self, scheme: str, host: str, port: int) -> PoolKey:
        """The key for *scheme*, *host* and *port* under these settings."""
        place = {"scheme": scheme, "host": host, "port": port}
        key = _STOCK_KEY_FNS[scheme]({**self.settings, **place})
        if self.keys is not None and len(self.keys) < self.MAX_KEYS:
            self.keys[scheme, host, port] = key
        return key


_COPIED = (dict, list, tuple, _AsItWas)


def _copied(value: typing.Any) -> typing.Any:
    kind = type(value)
    if kind is HTTPHeaderDict:
        return _AsItWas(value)
    return value.copy() if kind is dict or kind is list else value


_STOCK_KEY_FNS = key_fn_by_scheme.copy()
_OUR_MERGE = PoolManager._merge_pool_kwargs
_OUR_FROM_CONTEXT = PoolManager.connection_from_context
_OUR_FROM_KEY = PoolManager.connection_from_pool_key


class _KeyCache:
    """The keys made for a scheme, host and port under a manager's present settings.

    Making a key looks at thirty settings; nearly always they are those of the request before.  Off
    for key functions that are not ours, which may look at anything, and for subclasses that
    override a step of finding a pool.
    """

    def __init__(self) -> None:
        self._known = _Snapshot({})

    def get(
        self, manager: PoolManager, scheme: str | None, host: str, port: int | None
    ) -> PoolKey | None:
        """The key, as :meth:`PoolManager.connection_from_host` makes it; None if it cannot be."""
        known = self._known
        if manager.connection_pool_kw != known.settings:
            known = self._known = _Snapshot(manager.connection_pool_kw)
        if known.keys is None or not (type(host) is type(scheme) is str):
            return None
        try:
            if manager.key_fn_by_scheme[scheme] is not _STOCK_KEY_FNS[scheme]:
                return None
        except KeyError:
            return None
        if port is None:
            port = port_by_scheme.get(scheme, 80)
        return known.keys.get((scheme, host, port)) or known.make(scheme, host, port)


class ProxyManager(PoolManager):
    """A :class:`PoolManager` whose every request goes through an HTTP proxy.

    Plain http is forwarded, in absolute form; https goes through a tunnel, unless the proxy itself
    speaks TLS and *use_forwarding_for_https* is set.

    :param proxy_url: ``http://`` or ``https://`` URL; a user and password in it are sent to the
        proxy as Proxy-Authorization, and to nobody else, unless *proxy_headers* has that field
    :param proxy_headers: fields for the proxy
    :param proxy_ssl_context: TLS policy towards an ``https://`` proxy
    :param proxy_assert_hostname: name to expect in its certificate; False checks none
    :param proxy_assert_fingerprint: fingerprint to expect of its certificate
    :param connection_pool_kw: settings for the pools and their connections, for the targets' sake

    Raises ``ProxySchemeUnknown`` for a URL with another scheme or none.
    """

    def __init__(
        self,
        proxy_url: str,
        num_pools: int = 10,
        headers: Mapping[str, str] | None = None,
        proxy_headers: Mapping[str, str] | None = None,
        proxy_ssl_context: ssl.SSLContext | None = None,
        use_forwarding_for_https: bool = False,
        proxy_assert_hostname: str | typing.Literal[False] | None = None,
        proxy_assert_fingerprint: str | None = None,
        **connection_pool_kw: typing.Any,
    ) -> None:
        self.proxy = _proxy_of(proxy_url)
        self.proxy_headers = _with_credentials(self.proxy, proxy_headers)
        self.proxy_ssl_context = proxy_ssl_context
        self.proxy_config = ProxyConfig(
            proxy_ssl_context,
            use_forwarding_for_https,
            proxy_assert_hostname,
            proxy_assert_fingerprint,
        )
        own_context = connection_pool_kw.get("ssl_context")
        if use_forwarding_for_https and self.proxy.scheme == "https" and own_context is not None:
            warnings.warn(
                "Passing ssl_context when use_forwarding_for_https=True is deprecated "
                "and will raise an error in urllib3 v3.0. Use proxy_ssl_context to "
                "configure the TLS connection to the proxy.",
                FutureWarning,
                stacklevel=2,
            )
            if proxy_ssl_context is None:
                self.proxy_ssl_context = own_context
        connection_pool_kw["_proxy"] = self.proxy
        connection_pool_kw["_proxy_headers"] = self.proxy_headers
        connection_pool_kw["_proxy_config"] = self.proxy_config
        super().__init__(num_pools, headers, **connection_pool_kw)

    def connection_from_host(
        self,
        host: str | None,
        port: int | None = None,
        scheme: str | None = "http",
        pool_kwargs: dict[str, typing.Any] | None = None,
    ) -> HTTPConnectionPool:
        """The pool for an https *host*; for anything else the one pool of the proxy."""
        if scheme == "https":
            return super().connection_from_host(host, port, scheme, pool_kwargs=pool_kwargs)
        proxy = typing.cast("Url", self.proxy)
        return super().connection_from_host(
            system_host(proxy.host), proxy.port, proxy.scheme, pool_kwargs=pool_kwargs
        )


def _proxy_of(proxy_url: typing.Any) -> Url:
    if isinstance(proxy_url, HTTPConnectionPool):
        proxy_url = f"{proxy_url.scheme}://{proxy_url.host}:{proxy_url.port}"
    proxy = parse_url(proxy_url)
    if proxy.scheme not in ("http", "https"):
        raise ProxySchemeUnknown(proxy.scheme)
    if proxy.port is None:
        proxy = proxy._replace(port=port_by_scheme[proxy.scheme])
    return proxy


def _with_credentials(proxy: Url, headers: Mapping[str, str] | None) -> Mapping[str, str]:
    credentials = proxy.auth_decoded_joined
    if not credentials or any(name.lower() == "proxy-authorization" for name in headers or ()):
        return headers or {}
    fields = HTTPHeaderDict(headers)
    fields.extend(make_headers(proxy_basic_auth=credentials, basic_auth_encoding="utf-8"))
    return fields


def proxy_from_url(url: str, **kw: typing.Any) -> ProxyManager:
    """``ProxyManager(proxy_url=url, **kw)``."""
    return ProxyManager(proxy_url=url, **kw)
