"""HTTP/1.1 syntax.  Nothing here reads or writes: lines and blocks in, values out.

Sections named in comments are those of RFC 9112 unless another is given.  The rule throughout:
strict where the framing of a message depends on it, lenient elsewhere.  Where this end has no doubt
about the framing but another hop might, the message is read and the connection closed after it;
only what could be two different messages is refused.  What is refused is an
``http.client.HTTPException``, so that a caller of a bare connection sees the family of errors that
the standard library has always raised there.
"""

import copy
import functools
import http.client
import re
import typing
from http import HTTPStatus

from ..exceptions import InvalidHeader
from ..util.url import without_zone

#: Lines accepted in a trailer section.
MAX_TRAILERS = 100
#: Interim (1xx) answers accepted before the final one.
MAX_INTERIM = 16
TOO_MANY_INTERIM = f"got more than {MAX_INTERIM} interim responses"


# Programs raise these two in http.client (httpie and clickhouse-connect the first), so they are
# read there for each head.


def max_fields() -> int:
    """The number of field lines that a head may have."""
    return http.client._MAXHEADERS  # type: ignore[attr-defined,no-any-return]


def max_line() -> int:
    """The longest line accepted from a peer, in bytes, line end included."""
    return http.client._MAXLINE  # type: ignore[attr-defined,no-any-return]


Fields = list[tuple[str, str]]

_BLANKS = " \t"  # SP and HTAB, of which OWS and RWS are made (RFC 9110, 5.6.3)


class MalformedMessage(http.client.HTTPException):
    """The peer sent bytes whose framing cannot be relied on; the connection must be closed."""


class Framing(typing.NamedTuple):
    """How the body after a head is delimited (section 6.3) and what becomes of the connection."""

    chunked: bool
    length: int | None  # bytes; None = until the peer closes, or by its chunks
    persistent: bool


class StatusLine(typing.NamedTuple):
    """What a status line says."""

    version: int  # 10 or 11
    status: int
    reason: str
    exact: bool  # whether it follows the grammar, so that no hop reads it in another way


class Head:
    """A response head: its status line, what it says about framing, and its fields.

    Most fields are never looked at, so they are taken apart when somebody does.  Nothing changes
    what a head says: answers with the same head share it.

    :param needed: the fields that this package itself needs, names and values in lower case;
        :attr:`about` has them by name, repeated ones joined
    :param block: the text of a plain head, or
    :param fields: the fields of any other
    :param skipped: malformed lines that were left out
    :param exact: whether nothing in the lines of the fields can be read in another way
    """

    __slots__ = ("_block", "_fields", "about", "exact", "reason", "skipped", "status", "version")

    def __init__(
        self,
        line: StatusLine,
        needed: Fields,
        block: str = "",
        *,
        fields: Fields | None = None,
        skipped: typing.Sequence[str] = (),
        exact: bool = True,
    ) -> None:
        self.version, self.status, self.reason, self.exact = line
        if not exact:
            self.exact = False
        about: dict[str, str] = {}
        self.about = about
        for name, value in needed:
            about[name] = f"{about[name]}, {value}" if name in about else value
        self.skipped = skipped
        self._block = block
        self._fields = fields

    @property
    def fields(self) -> Fields:
        """Every field, in the order received."""
        if self._fields is None:
            self._fields = _PLAIN_FIELDS.findall(self._block)
        return self._fields

    def doubted(self) -> "Head":
        """The same head, after which the connection is not used again."""
        head = copy.copy(self)
        head.exact = False
        return head


# ---------------------------------------------------------------- status line (section 4)

# status-line = HTTP-version SP status-code SP [ reason-phrase ].  Any run of blanks stands
# for SP.
_BEGINS_WITH_STATUS = r"HTTP/([0-9]+)\.[0-9]+[ \t]+([1-9][0-9][0-9])(?=[ \t\r\n]|\Z)"
# The last SP may be missing: many servers leave it out along with the reason, and all hops agree
# about what that means.
_EXACT_STATUS_LINE = r"HTTP/1\.[0-9] [1-9][0-9][0-9](?: [\t -~\x80-\xff]*)?\r\n"


# Asked for lines with a reason of their own or another version; a server has but a few of them.
@functools.lru_cache(maxsize=16)
def status_line(line: str) -> StatusLine:
    """What a status line, given with its line end, says.

    CR and NUL within the reason become blanks (RFC 9110, 5.5).  Raises
    ``http.client.BadStatusLine`` for what is none, ``http.client.UnknownProtocol`` for another
    major version than 1 (HTTP/0.9 counts as 1.0, as it always has in Python).
    """
    found = re.match(_BEGINS_WITH_STATUS, line)
    if found is None:
        raise http.client.BadStatusLine(line)
    major = found[1]
    old = line.startswith(("HTTP/1.0", "HTTP/0.9"))
    if major != "1" and not old:
        raise http.client.UnknownProtocol(line.split(None, 1)[0])
    reason = line[found.end() :].strip(" \t\r\n").replace("\r", " ").replace("\0", " ")
    exact = major == "1" and re.fullmatch(_EXACT_STATUS_LINE, line) is not None
    return StatusLine(10 if old else 11, int(found[2]), reason, exact)


# ---------------------------------------------------------------- field lines (section 5)

# field-line = field-name ":" OWS field-value OWS.  The name is looser than a token: any visible
# character but the colon, for such names are seen and harm nothing.
_FIELD_NAME_SEEN = r"[!-9;-~]+"
# The same rule picks the fields out of a block that is known to obey it.
_PLAIN_FIELDS = re.compile(r"\n([^:\n]+):[ \t]*([^\r]*)")

_FRAMING_FIELDS = frozenset({"content-length", "transfer-encoding"})
_NEEDED = (
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
)
# At the end of each line but the last: a field that is needed, or the fault that no field follows.
_NEEDED_OR_WRONG = re.compile(rf"\r(?:\n({'|'.join(_NEEDED)}):[ \t]*([^\r]*)|(?!\n[!-9;-~]+:|\Z))")


def plain_head(block: str, most_fields: int | None = None) -> Head | None:
    """Parse an ordinary response head in one go, or return None if anything about it is unusual.

    The rule is that of :func:`careful_head`, with the rare cases taken out.

    :param block: the head decoded as latin-1, up to the CR of its last line
    :param most_fields: the number of fields it may have; None = what ``http.client`` allows
    """
    if " \r" in block or "\t\r" in block:
        block = "\r".join([line.rstrip(_BLANKS) for line in block.split("\r")])
    needed: Fields = _NEEDED_OR_WRONG.findall(block.lower())
    count = block.count("\n")
    if most_fields is None:
        most_fields = http.client._MAXHEADERS  # type: ignore[attr-defined]
    if (
        ("", "") in needed
        or count > most_fields
        # No line end came without the other half.
        or count != block.count("\r") - 1
        or "\0" in block
    ):
        return None
    line = block.partition("\r")[0]
    return Head(_common.get(line) or status_line(line + "\r\n"), needed, block)


# Status lines that need no reading.
_common = {
    f"HTTP/1.1 {code} {code.phrase}": StatusLine(11, int(code), code.phrase, True)
    for code in HTTPStatus
}


def careful_head(lines: list[str]) -> Head:
    """Parse a response head given as lines with their line ends; the empty one may be left out.

    A malformed line is skipped alone and listed in :attr:`Head.skipped`.  Raises
    :class:`MalformedMessage` where framing would become a guess: NUL or a bare CR in a field line,
    a blank before the colon of a framing field, a folded framing field.

    Read, but not exact, is a head with a line end that is not CRLF (section 2.2), or with a framing
    field in disguise: in a line that is skipped, or folded into another.
    """
    line_parts = status_line(lines[0])
    fields: Fields = []
    skipped: list[str] = []
    foldable = False
    folded: list[str] = []
    ends = set()
    for raw in lines[1:]:
        line = raw.rstrip("\r\n")
        ends.add(raw[len(line) :])
        name, colon, value = line.partition(":")
        if "\r" in line or "\0" in line:
            raise MalformedMessage(f"bare CR or NUL in header line {line[:100]!r}")
        if foldable and line[:1] in (" ", "\t"):
            _unfold(fields, line)
            folded.append(line)
        elif colon and re.fullmatch(_FIELD_NAME_SEEN, name):
            foldable = True
            fields.append((name, value.strip(_BLANKS)))
        elif line:
            foldable = False
            _check_colon(name, line)
            skipped.append(line)
    exact = ends <= {"\r\n"} and not any(map(_names_framing, folded + skipped))
    lowered = [(name.lower(), value.lower()) for name, value in fields]
    needed = [field for field in lowered if field[0] in _NEEDED]
    return Head(line_parts, needed, fields=fields, skipped=skipped, exact=exact)


def _check_colon(name: str, line: str) -> None:
    # Whoever takes "Content-Length : 5" for something else than its neighbour disagrees with it
    # about where the message ends (section 5.1).
    if name != line and name[-1:].isspace() and name.strip().lower() in _FRAMING_FIELDS:
        raise MalformedMessage(f"blank before the colon in header line {line[:100]!r}")


def _unfold(fields: Fields, line: str) -> None:
    # obs-fold (section 5.2): OWS CRLF RWS is replaced by one SP.
    name, value = fields[-1]
    if name.lower() in _FRAMING_FIELDS:
        raise MalformedMessage(f"folded header line {name}: {value[:100]!r}")
    fields[-1] = (name, f"{value} {line.strip(_BLANKS)}".strip(_BLANKS))


def _names_framing(line: str) -> bool:
    """Whether a laxer hop might find a framing field in *line*: one with odd blanks, say."""
    letters = "".join(filter(str.isalpha, line.lower()))
    return any(name.replace("-", "") in letters for name in _FRAMING_FIELDS)


# ---------------------------------------------------------------- framing (section 6.3)


# What decides, first match first.  "Closed" means that the connection is not used again, because
# another hop might see another message.
#
#   answer to HEAD, status 1xx, 204, 304       no body, whatever the fields say
#   chunked is the last coding                 by its chunks; closed with HTTP/1.0 (section 6.1),
#                                              with Content-Length, or if the list is not exact
#   no coding: none named, or only such as     by Content-Length, until the peer closes without it;
#   change nothing (identity, none, binary)    closed if the field is there at all
#   any other coding, chunked not last         refused: to one hop the body ends with its chunks, to
#   or applied twice with one in between       another with Content-Length or the connection
#   Content-Length that is no number           refused (section 6.3, rule 5)
#
# Closed as well: a head that is not exact, "close" in Connection, HTTP/1.0 without keep-alive, in
# the final answer or in an interim one before it.


def is_bodiless(status: int, method: str | None) -> bool:
    """Whether an answer with *status* to *method* has no body, whatever its fields say."""
    return 100 <= status < 200 or status in {204, 304} or method == "HEAD"


def is_interim(status: int) -> bool:
    """Whether another answer to the same request follows (RFC 9110, 15.2)."""
    return status < 200 and status != 101


def framing(head: Head, method: str | None) -> Framing:
    """How the body of an answer to *method* is delimited.

    Raises :class:`MalformedMessage` for a transfer coding other than chunked, an invalid
    Content-Length, or ``InvalidHeader`` for Content-Lengths that contradict each other.
    """
    about = head.about
    persistent = head.exact
    if "connection" in about or head.version == 10:
        persistent = persistent and _is_kept_alive(about, head.version)  # section 9.3
    status = head.status
    if is_bodiless(status, method):
        # After 101 the connection no longer speaks HTTP.
        return Framing(False, 0, persistent and status != 101)
    length = about.get("content-length")
    codings = about.get("transfer-encoding")
    if codings is not None:
        is_chunked, exact = _is_chunked(codings)
        persistent = persistent and exact
        if is_chunked:
            return Framing(True, None, persistent and head.version == 11 and length is None)
    if length is None:
        return Framing(False, None, False)
    frame = _known_length if len(length) < 20 else _framed_by_length
    return frame(length, persistent)


def _framed_by_length(length: str, persistent: bool) -> Framing:
    return Framing(False, content_length(length), persistent)


# Most answers of a service are of one length or a few.
_known_length = functools.lru_cache(maxsize=256)(_framed_by_length)


def _is_kept_alive(about: dict[str, str], version: int) -> bool:
    closes, keeps = _options(about.get("connection", ""))
    if closes or version == 11:
        return not closes
    # HTTP/1.0 closes unless it says otherwise, in any of the three ways that have been seen.
    return bool(keeps or about.get("keep-alive") or _options(about.get("proxy-connection", ""))[1])


# A server has but one or two such values.
@functools.lru_cache(maxsize=16)
def _options(connection: str) -> tuple[bool, bool]:
    """Whether a Connection value says close, or what no hop can read; and keep-alive."""
    options = [option.strip(_BLANKS) for option in connection.split(",")]
    closes = "close" in options or any(
        option and _TOKEN.fullmatch(option) is None for option in options
    )
    return closes, "keep-alive" in options


# Registered or not, these have been seen as names for no coding at all.
_NO_CODINGS = frozenset({"", "identity", "none", "binary"})


# Asked for each answer in chunks; a server has but one or two such values.
@functools.lru_cache(maxsize=16)
def _is_chunked(codings: str) -> tuple[bool, bool]:
    """Whether chunked is the final coding, and whether every hop must see that.

    What is wrapped inside it is the caller's business.  Chunked that is named again right behind
    itself was applied once: two hops have written the field (section 7).
    """
    named = _members(codings)
    names = [name for name in named if name not in _NO_CODINGS]
    if not names:
        return False, False
    final = len(names)
    while final and names[final - 1] == "chunked":
        final -= 1
    if final == len(names) or "chunked" in names[:final]:
        raise MalformedMessage(f"unsupported Transfer-Encoding {codings[:100]!r}")
    return True, len(named) == final + 1


def names_chunked(codings: str) -> bool:
    """Whether chunked is named anywhere: for a response whose head was not read here."""
    return "chunked" in _members(codings.lower())


def _members(value: str) -> list[str]:
    return [member.strip(_BLANKS) for member in value.split(",")]


def announced_length(text: str) -> int | None:
    """:func:`content_length`, or None if there is no sense in *text*: where others framed the body.

    Raises ``InvalidHeader`` for lengths that contradict each other.
    """
    try:
        return content_length(text)
    except MalformedMessage:
        return None


def content_length(text: str) -> int:
    """The number of bytes a Content-Length value (or several, joined by commas) announces."""
    if text.isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    seen = set(_members(text))
    if not all(part.isdecimal() and part.isascii() for part in seen):
        raise MalformedMessage(f"invalid Content-Length {text[:100]!r}")
    lengths = {int(part) if len(part) < 20 else _too_long(part) for part in seen}
    if len(lengths) > 1:
        raise InvalidHeader(f"Content-Length contained multiple unmatching values ({text})")
    return lengths.pop()


def _too_long(digits: str) -> int:
    # More bytes than any machine addresses; int() itself is slow on very long numbers.
    if digits.lstrip("0") and len(digits.lstrip("0")) >= 20:
        raise MalformedMessage(f"invalid Content-Length of {len(digits)} digits")
    return int(digits)


# ---------------------------------------------------------------- chunks (section 7.1)

# chunk-size [ BWS ";" chunk-ext ] CRLF.  Sixteen digits are 2**64 bytes.  Blanks before the line
# end are tolerated, since old servers pad the size with them; anything else int() would take (a
# sign, "0x", "_") is where two parsers come to disagree.  A line that the peer's end of stream cut
# short announces nothing.
_CHUNK_SIZE = rb"[0-9A-Fa-f]{1,16}"


# Remembered, because most bodies are cut into chunks of one size or a few.
@functools.lru_cache(maxsize=16)
def chunk_size(line: bytes) -> int:
    """The size, in bytes, that a chunk-size line announces; ValueError if it is malformed."""
    size, _, extension = line.removesuffix(b"\n").removesuffix(b"\r").partition(b";")
    size = size.rstrip(b" \t")
    if re.fullmatch(_CHUNK_SIZE, size) is None or b"\r" in extension or line[-1:] != b"\n":
        raise ValueError(f"malformed chunk-size line {line[:100]!r}")
    return int(size, 16)


def ends_chunk(data: bytes) -> bool:
    """Whether *data*, the two bytes after a chunk, are the CRLF that must stand there."""
    return data == b"\r\n"


# ---------------------------------------------------------------- keep-alive (RFC 2068, 19.7.1)

_KEEP_ALIVE_TIMEOUT = r"(?i:(?:^|[,; \t])timeout[ \t]*=[ \t]*\"?(\d{1,9}))"


def keep_alive_timeout(value: str) -> int | None:
    """Seconds the peer says it keeps an idle connection (``Keep-Alive: timeout=N``), or None."""
    found = re.search(_KEEP_ALIVE_TIMEOUT, value)
    return int(found[1]) if found else None


# ---------------------------------------------------------------- requests (sections 3 and 5)

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"})
_FOREIGN = r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]"


def check_method(method: str) -> None:
    """Raise ValueError unless *method* is made of token characters (RFC 9110, 5.6.2)."""
    wrong = re.search(_FOREIGN, method)
    if wrong:
        raise ValueError(
            f"Method cannot contain non-token characters {method!r} "
            f"(found at least {wrong.group()!r})"
        )
    if not method:
        raise ValueError("Method cannot be empty")


def request_line(method: str, target: str) -> bytes | None:
    """The line that begins a request, or None if method or target is not plain.

    None, here and in :func:`field_block`, means: let ``http.client`` do it line by line, which
    either finds it in order after all or raises the error that belongs to the fault.
    """
    if method not in _METHODS and _TOKEN.fullmatch(method) is None:
        return None
    # [!-~]+: without characters that would end or split the line.
    if not (target.isascii() and target.isprintable() and target and " " not in target):
        return None
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii")


# Programs ask for the same few targets again and again.  Only for arguments whose type is str.
known_request_line = functools.lru_cache(maxsize=64)(request_line)


def field_block(fields: typing.Sequence[tuple[str, str]]) -> bytes | None:
    """The header section of a request, empty line included, or None if it is not plain."""
    lines = []
    for name, value in fields:
        # A str of another type may compare and format as it likes: http.client sends its bytes.
        if type(value) is not str or type(name) is not str:
            return None
        if name not in _token_names and not _learn(name):
            return None
        lines.append(f"{name}: {value}\r\n")
    text = "".join(lines)
    # One look at the whole: as many line ends as were put there, so none came in with a value.
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        return None
    try:
        return (text + "\r\n").encode("latin-1")
    except UnicodeEncodeError:
        return None


# Field names met before and found to be tokens: a set lookup instead of a match for each field.
_token_names: set[str] = set()


def _learn(name: str) -> bool:
    if _TOKEN.fullmatch(name) is None:
        return False
    if len(_token_names) < 1000:
        _token_names.add(name)
    return True


# What http.client asks of header fields: a name without colon and line ends that does not begin
# with a blank; a value in which a line end is followed by a blank (obs-fold).
_FIELD_NAME = rb"[^:\s][^:\r\n]*"
_BROKEN_VALUE = rb"\n(?![ \t])|\r(?![ \t\n])"
_CONTROLS = "[\x00-\x20\x7f]"


def connect_request(host: str, port: int, headers: typing.Mapping[str, str]) -> bytes:
    """The head of a CONNECT request (RFC 9110, 9.3.6); Host is added unless *headers* has it.

    Raises ValueError for what would break the request apart.
    """
    if re.search(_CONTROLS, host):
        raise ValueError(f"Tunnel host can't contain control characters {host!r}")
    host = host.strip("[]")
    if ":" in host:
        host = f"[{without_zone(host)}]"
    elif not host.isascii():
        host = host.encode("idna").decode("ascii")
    authority = f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1".encode("latin-1")]
    lines += [_field_line(name, value) for name, value in headers.items()]
    if not any(_as_bytes(name).lower() == b"host" for name in headers):
        lines.append(f"Host: {authority}".encode("latin-1"))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _field_line(name: str | bytes, value: str | bytes) -> bytes:
    raw_name, raw_value = _as_bytes(name), _as_bytes(value)
    if re.fullmatch(_FIELD_NAME, raw_name) is None:
        raise ValueError(f"Invalid header name {raw_name!r}")
    if re.search(_BROKEN_VALUE, raw_value):
        raise ValueError(f"Invalid header value {raw_value!r}")
    return raw_name + b": " + raw_value


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
