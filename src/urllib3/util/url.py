"""URLs, taken apart and normalised (RFC 3986, RFC 6874).  Linear in the length of whatever comes.

An ordinary URL is recognised by one pattern whose groups are the answer.  Everything else takes the
long way, which gives ordinary URLs the same answer.
"""

import functools
import re
import sys
import typing
from urllib.parse import unquote

from .. import _seams
from ..exceptions import LocationParseError
from .util import exact_str, to_str

if typing.TYPE_CHECKING:
    from typing_extensions import Self

#: Schemes whose URLs are normalised; None is a URL without one.
_NORMALIZABLE_SCHEMES = ("http", "https", None)

# yt-dlp and streamlink replace this by an object with a subn() of its own: looked up at each use.
_PERCENT_RE = re.compile(r"%[a-fA-F0-9]{2}")
_seams.record(".util.url", sys.modules[__name__])

_UNRESERVED_CHARS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~")
_SUB_DELIM_CHARS = set("!$&'()*+,;=")
_USERINFO_CHARS = _UNRESERVED_CHARS | _SUB_DELIM_CHARS | {":"}
_PATH_CHARS = _USERINFO_CHARS | {"@", "/"}
_QUERY_CHARS = _FRAGMENT_CHARS = _PATH_CHARS | {"?"}


class _Parts(typing.NamedTuple):
    scheme: str | None
    auth: str | None
    host: str | None
    port: int | None
    path: str | None
    query: str | None
    fragment: str | None


# Its repr and its pickles say Url.
_Parts.__name__ = _Parts.__qualname__ = "Url"


class Url(_Parts):
    """The parts of a URL.

    :param scheme: put into lower case
    :param auth: user information, percent-encoded
    :param host: with brackets around an IPv6 address
    :param path: gets a leading ``/`` if it has none
    :param query: without ``?``
    :param fragment: without ``#``

    Nothing else is checked or changed: see :func:`parse_url`.
    """

    def __new__(
        cls,
        scheme: str | None = None,
        auth: str | None = None,
        host: str | None = None,
        port: int | None = None,
        path: str | None = None,
        query: str | None = None,
        fragment: str | None = None,
    ) -> "Self":
        """Make one."""
        rooted = path if not path or path.startswith("/") else f"/{path}"
        lowered = None if scheme is None else scheme.lower()
        return super().__new__(cls, lowered, auth, host, port, rooted, query, fragment)

    @property
    def hostname(self) -> str | None:
        """The host, by the name that ``urllib.parse`` has for it."""
        return self.host

    @property
    def request_uri(self) -> str:
        """Path and query, as a request to the origin names them."""
        target = self.path or "/"
        return target if self.query is None else f"{target}?{self.query}"

    @property
    def authority(self) -> str | None:
        """User information, host and port."""
        netloc = self.netloc
        return netloc if netloc is None or self.auth is None else f"{self.auth}@{netloc}"

    @property
    def netloc(self) -> str | None:
        """Host and port."""
        return self.host if self.host is None or self.port is None else f"{self.host}:{self.port}"

    @property
    def auth_decoded(self) -> tuple[None, None] | tuple[str, str | None]:
        """User name and password, percent-decoded; None for what is not there."""
        if self.auth is None:
            return None, None
        user, colon, password = self.auth.partition(":")
        return unquote(user), unquote(password) if colon else None

    @property
    def auth_decoded_joined(self) -> str | None:
        """``user:password``, percent-decoded, as ``make_headers(basic_auth=...)`` takes it."""
        user, password = self.auth_decoded
        return None if user is None else f"{user}:{password or ''}"

    @property
    def url(self) -> str:
        """The URL as text."""
        scheme, auth, host, port, path, query, fragment = self
        pieces = [
            "" if scheme is None else f"{scheme}://",
            "" if auth is None else f"{auth}@",
            host or "",
            "" if port is None else f":{port}",
            path or "",
            "" if query is None else f"?{query}",
            "" if fragment is None else f"#{fragment}",
        ]
        return "".join(pieces)

    def __str__(self) -> str:
        return self.url


# ---------------------------------------------------------------- percent-encoding (RFC 3986, 2.1)


@functools.cache
def _encoding_table(allowed: frozenset[str], keep_percent: bool) -> list[str]:
    """What each byte of a component is written as."""
    table = [chr(byte) if chr(byte) in allowed else f"%{byte:02X}" for byte in range(256)]
    if keep_percent:
        table[0x25] = "%"
    return table


@typing.overload
def _encode_invalid_chars(component: str, allowed_chars: set[str]) -> str: ...


@typing.overload
def _encode_invalid_chars(component: None, allowed_chars: set[str]) -> None: ...


def _encode_invalid_chars(component: str | None, allowed_chars: set[str]) -> str | None:
    """*component* with everything not allowed percent-encoded.

    Triplets are put into upper case and stay, if every ``%`` belongs to one; otherwise it was not
    encoded yet, and every ``%`` is.
    """
    if component is None:
        return None
    text = to_str(component)
    if _PERCENT_RE is _seams.util_url__PERCENT_RE and allowed_chars.issuperset(text):
        return text
    text, triplets = _PERCENT_RE.subn(lambda found: found[0].upper(), text)
    raw = text.encode("utf-8", "surrogatepass")
    table = _encoding_table(frozenset(allowed_chars), raw.count(b"%") == triplets)
    return "".join([table[byte] for byte in raw])


def _remove_path_dot_segments(path: str) -> str:
    """*path* without ``.`` and ``..`` segments, nearly as RFC 3986, 5.2.4 has it."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]  # even the empty one before the leading slash
        elif segment != ".":
            kept.append(segment)
    if path[:1] == "/" and (not kept or kept[0]):
        kept = ["", *kept]
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/".join(kept)


# ---------------------------------------------------------------- hosts (RFC 3986, 3.2.2)

_TRIPLET = "%[0-9A-Fa-f]{2}"
_ZONE = rf"%(?:25)?(?:[A-Za-z0-9\-._~]|{_TRIPLET})+"


def _ipv6_pattern() -> str:
    # Eight groups of hexadecimal digits, of which "::" stands for one or more that are zero; the
    # last two may be written as an IPv4 address.
    group = "[0-9A-Fa-f]{1,4}"
    quad = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    last_two = f"(?:{group}:{group}|{quad})"
    forms = [f"(?:{group}:){{6}}{last_two}"]
    for right in range(7, -1, -1):
        left = 7 - right
        before = f"(?:{group}(?::{group}){{0,{left - 1}}})?" if left else ""
        after = f"(?:{group}:){{{right - 2}}}{last_two}" if right > 1 else group * right
        forms.append(f"{before}::{after}")
    return "(?:" + "|".join(forms) + ")"


@functools.cache
def _pattern(name: str) -> re.Pattern[str]:
    """A pattern that most URLs never need, compiled when one does."""
    ipv6 = _ipv6_pattern()
    name_pattern = rf"(?:[^\[\]%:/?#]|{_TRIPLET})*"
    source = {
        # One to four fields in decimal or hexadecimal: what some resolvers take for IPv4.
        "_IPV4_RE": r"(?:[0-9]+|0[xX][0-9A-Fa-f]+)(?:\.(?:[0-9]+|0[xX][0-9A-Fa-f]+)){0,3}\Z",
        "_IPV6_ADDRZ_RE": rf"\[{ipv6}(?:{_ZONE})?\]\Z",
        "_BRACELESS_IPV6_ADDRZ_RE": rf"{ipv6}(?:{_ZONE})?\Z",
        "bare address and zone": rf"{ipv6}%[^\[\]%/\\?#@\x00-\x20\x7f-\U0010ffff]+\Z",
        "host and port": rf"({name_pattern}|\[{ipv6}(?:{_ZONE})?\])(?::0*(|0|[1-9][0-9]{{0,4}}))?",
    }[name]
    return re.compile(source)


def __getattr__(name: str) -> re.Pattern[str]:
    if name in ("_IPV4_RE", "_IPV6_ADDRZ_RE", "_BRACELESS_IPV6_ADDRZ_RE"):
        return _pattern(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_CONTROLS = "[\x00-\x20\x7f]"
# Triplets of control characters, and percent signs that begin no triplet.
_BAD_TRIPLETS = "%(?:[01][0-9A-Fa-f]|7[Ff]|(?![0-9A-Fa-f]{2}))"


def _check_host_characters(host: str) -> None:
    found = re.search(_CONTROLS, host)
    if found:
        raise LocationParseError(f"Host {host!r} contains invalid character {found[0]!r}")


def _check_host_triplets(part: str, host: str) -> None:
    found = re.search(_BAD_TRIPLETS, part)
    if found and found[0] == "%":
        raise LocationParseError(f"{host!r} is not a valid host")
    if found:
        raise LocationParseError(
            f"Host {host!r} contains invalid percent-encoded control character {found[0]!r}"
        )


@typing.overload
def _normalize_host(host: None, scheme: str | None) -> None: ...


@typing.overload
def _normalize_host(host: str, scheme: str | None) -> str: ...


def _normalize_host(host: str | None, scheme: str | None) -> str | None:
    """*host* checked and, if *scheme* is one of those, in the form in which hosts are compared.

    In brackets an address is a URL's: its zone may follow ``%25``.  Without, it is the system's:
    what follows ``%`` is the zone as it stands.
    """
    if not host:
        return host
    host = exact_str(host)
    _check_host_characters(host)
    if scheme not in _NORMALIZABLE_SCHEMES:
        return host
    if host[0] == "[" and _pattern("_IPV6_ADDRZ_RE").match(host):
        return _normalize_ipv6(host)
    if "%" in host and _pattern("bare address and zone").match(host):
        return lower_host(host)
    if _pattern("_IPV4_RE").match(host):
        return host
    return _normalize_name(host)


def _normalize_ipv6(host: str) -> str:
    address, percent, zone = host[1:-1].partition("%")
    if not percent:
        return host.lower()
    if zone.startswith("25") and zone != "25":
        zone = zone[2:]
    _check_host_triplets(zone, host)
    zone = re.sub(_TRIPLET, lambda found: found[0].upper(), zone)
    return f"[{address.lower()}%{zone}]"


def lower_host(host: str) -> str:
    """*host* in lower case, but for the zone of an address: interfaces have names with case."""
    address, percent, zone = host.partition("%")
    return address.lower() + percent + zone if percent and ":" in address else host.lower()


def without_zone(netloc: str) -> str:
    """*netloc*, or a host, without the zone of an IPv6 address.

    A zone names an interface of this machine, and means nothing to any other (RFC 6874, 4).
    """
    address, percent, rest = netloc.partition("%")
    if not percent or ":" not in address:
        return netloc
    if "[" not in address:
        return address
    return f"{address}]{rest.partition(']')[2]}"


def system_host(host: str | None) -> str | None:
    """The *host* of a :class:`Url`, but an address with a zone as the system writes it.

    Its ``%25`` has been decoded by :func:`parse_url`: in brackets it would be decoded again.
    """
    return host[1:-1] if host and host[0] == "[" and "%" in host else host


def _normalize_name(host: str) -> str:
    if "%" in host:
        _check_host_triplets(host, host)
        host = re.sub(_TRIPLET, _decode_unreserved, host)
    if host.isascii():
        return re.sub(_TRIPLET, lambda found: found[0].upper(), host.lower())
    if len(host) > _LONGEST_NAME:
        # No name is longer (RFC 1035, 2.3.4), and idna takes long over long ones (CVE-2024-3651).
        raise LocationParseError(f"Name '{host[:64]}...' is not a valid IDNA label")
    return ".".join([_idna_encode(label).decode("ascii") for label in host.split(".")])


_LONGEST_NAME = 253


def _decode_unreserved(found: re.Match[str]) -> str:
    character = chr(int(found[0][1:], 16))
    return character if character in _UNRESERVED_CHARS else found[0].upper()


def _idna_encode(name: str) -> bytes:
    """One label as it goes into DNS (RFC 5891)."""
    if name.isascii():
        lowered = re.sub(_TRIPLET, lambda found: found[0].upper(), name.lower())
        return lowered.encode("ascii")
    try:
        from idna import IDNAError, encode
    except ImportError:
        raise LocationParseError("Unable to parse URL without the 'idna' module") from None
    try:
        label: bytes = encode(name.lower(), strict=True, std3_rules=True)
    except IDNAError:
        raise LocationParseError(f"Name '{name}' is not a valid IDNA label") from None
    return label


# ---------------------------------------------------------------- request targets

_PLAIN_TARGET = re.compile(
    r"/[A-Za-z0-9._\-~!$&'()*+,;=:@/]*(?:\?[A-Za-z0-9._\-~!$&'()*+,;=:@/?]*|)"
)
# Whether a target is encoded already: asked for each request, and often about the same.  What is
# remembered stays small, since servers refuse targets of more than some kilobytes.
_is_plain_target = functools.lru_cache(maxsize=64)(_PLAIN_TARGET.fullmatch)
_TARGET = r"(/[^?#]*)(?:\?([^#]*))?(?:#.*\n?)?"


def _encode_target(target: str) -> str:
    """A path and query as a request line takes them; the fragment is dropped.

    Raises ``LocationParseError`` unless it begins with ``/``.
    """
    found = re.fullmatch(_TARGET, target)
    if found is None:
        raise LocationParseError(f"{target!r} is not a valid request URI")
    path, query = found.groups()
    encoded = _encode_invalid_chars(path, _PATH_CHARS)
    if query is not None:
        encoded += "?" + _encode_invalid_chars(query, _QUERY_CHARS)
    return encoded


def absolute_form(url: Url) -> str:
    """*url* as a request line takes it whole (RFC 9112, 3.2.2).

    Made of its parts: without a path the query would be read as part of the host by whoever looks
    for the first ``/``.  User information, zone and fragment stay here.
    """
    host = url.host and without_zone(url.host)
    path = url.path or ("/" if url.scheme and host else url.path)
    return url._replace(auth=None, host=host, path=path, fragment=None).url


# ---------------------------------------------------------------- whole URLs

_BEGINS_AS_URL = r"/|[A-Za-z][A-Za-z0-9+\-]*:"
_SPLIT = (
    r"(?:([A-Za-z][A-Za-z0-9+\-]*):)?(?://([^\\/?#]*))?([^?#]*)"
    r"(?:\?([^#]*))?(?:#((?s:.*)))?"
)
_PLAIN_ORIGIN = r"(https?)://([a-z0-9._\-~]+)(?::([1-9][0-9]{0,4}))?"
_LONGEST_ORIGIN = 300  # characters; a host name has at most 253


def parse_url(url: str) -> Url:
    """The parts of *url*; of http and https URLs, and of those without a scheme, normalised.

    Without a scheme *url* is taken to begin with the host, unless it begins with ``/``.

    Raises ``LocationParseError`` for a host or port that is none, TypeError for what is no text.
    """
    if not url:
        return Url()
    if type(url) is not str or _PERCENT_RE is not _seams.util_url__PERCENT_RE:
        return _parse_any(exact_str(url))
    return _parse_known(url) if len(url) <= _WORTH_REMEMBERING else _parse(url)


def _parse(url: str) -> Url:
    # A URL that is its own normal form is an origin and a target that are.
    end = url.find("/", len("https://"))
    target = url[end:]
    if 0 < end < _LONGEST_ORIGIN and _is_plain_target(target):
        origin = _plain_origin(url[:end])
        path, mark, query = target.partition("?")
        if origin is not None and "/." not in path:
            scheme, host, port = origin
            # What Url() does, less what is known already.
            parts = (scheme, None, host, port, path, query if mark else None, None)
            return tuple.__new__(Url, parts)
    return _parse_any(url)


@functools.lru_cache(maxsize=64)
def _plain_origin(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port, if *origin* is its own normal form."""
    plain = re.fullmatch(_PLAIN_ORIGIN, origin)
    if plain is None:
        return None
    scheme, host, digits = plain.groups()
    port = None if digits is None else int(digits)
    return None if port is not None and port > 65535 else (scheme, host, port)


# Programs ask for the same few URLs again and again; the standard library remembers its own, too.
_WORTH_REMEMBERING = 500  # characters
_parse_known = functools.lru_cache(maxsize=128)(_parse)


def _parse_any(url: str) -> Url:
    if not re.match(_BEGINS_AS_URL, url):
        url = "//" + url
    found = re.fullmatch(_SPLIT, url)
    scheme, authority, path, query, fragment = typing.cast("re.Match[str]", found).groups()
    scheme = scheme and scheme.lower()
    normalise = scheme in _NORMALIZABLE_SCHEMES
    auth, host, port = _split_authority(authority, url)
    host = _normalize_host(host, scheme)
    if normalise:
        auth = auth and _encode_invalid_chars(auth, _USERINFO_CHARS)
        if path:
            path = _encode_invalid_chars(_remove_path_dot_segments(path), _PATH_CHARS)
        query = query and _encode_invalid_chars(query, _QUERY_CHARS)
        fragment = fragment and _encode_invalid_chars(fragment, _FRAGMENT_CHARS)
    if not path:
        path = None if query is None and fragment is None else ""
    return Url(scheme, auth, host, port, path, query, fragment)


def _split_authority(authority: str | None, url: str) -> tuple[str | None, str | None, int | None]:
    """User information, host and port; an empty authority has none of them."""
    if not authority:
        return None, None, None
    auth, _, place = authority.rpartition("@")
    found = _pattern("host and port").fullmatch(place)
    if found is None:
        _check_host_characters(place)
        raise LocationParseError(f"{place!r} is not a valid host or port")
    host, digits = found.groups()
    port = int(digits) if digits else None
    if digits == "" and place.endswith("0"):
        port = 0
    if port is not None and port > 65535:
        raise LocationParseError(url)
    return auth or None, host, port
