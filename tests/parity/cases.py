"""The cases of the differential test: the same in every run, a thousand or so.

Each is a JSON object for ``driver.py``; its ``id`` is what ``known.toml`` speaks of.
"""

from __future__ import annotations

import gzip
import itertools
import random
import typing
import zlib

from tests.http1.test_bad_input_ways import TABLE

Case = dict[str, typing.Any]
SEED = 28


def b(text: str) -> Case:
    return {"!": "bytes", "of": text}


def tagged(kind: str, of: typing.Any, **more: typing.Any) -> Case:
    return {"!": kind, "of": of, **more}


def every_case(certificates: typing.Any) -> list[Case]:
    groups = {
        "url": urls(),
        "headers": header_dicts(),
        "retry": retries(),
        "from int": from_ints(),
        "timeout": timeouts(),
        "multipart": forms(),
        "same host": same_hosts(),
        "from url": from_urls(),
        "make headers": made_headers(),
        "request": requests(),
        "target": targets(),
        "field": request_fields(),
        "answer": answers(),
        "bad": bad_answers(),
        "reads": reads(),
        "redirect": redirects(),
        "again": tries(),
        "pool": pools(),
        "manager": managers(),
        "proxy": proxies(),
        "tls": tls(certificates),
    }
    cases = []
    for group, members in groups.items():
        seen: dict[str, int] = {}
        for case in members:
            name = f"{group}: {case.pop('name')}"
            seen[name] = seen.get(name, 0) + 1
            cases.append({"id": name if seen[name] == 1 else f"{name} #{seen[name]}", **case})
    return cases


# ---------------------------------------------------------------- values

SCHEMES = ["", "http://", "HTTPS://", "http:", "//", "ftp://", "1x://", "http+unix://", "h ttp://"]
USERS = ["", "user@", "user:pass@", "us%65r:p%2Fss@", "@", "a@b@", "üser@", ":@"]
HOSTS = ["", "example.com", "EXAMPLE.Com.", "127.0.0.1", "[::1]", "[FE80::1%25eth0]", "[fe80::1%eth0]", "[::ffff:1.2.3.4]", "[1::2::3]", "[", "bücher.example", "ex%41mple", "a..b", "under_score", "1.2.3.4.5", "x" * 64, "xn--bcher-kva.example", "exa mple.com", "a\tb", "日本.jp", "ﬃ.example"]  # fmt: skip
PORTS = ["", ":", ":80", ":443", ":0", ":00080", ":65535", ":65536", ":-1", ":x", ":8 0"]
PATHS = ["", "/", "/a/b", "/a/../b", "/./a/.", "//a//b", "/%41%zz%e2", "/ü", "/a b", "/;p=1", "/a\\b", "/..%2f", "?q", "#f", "*"]  # fmt: skip
QUERIES = ["", "?", "?a=b&c", "?a b", "?ü=%zz", "?a?b", "?[x]", "?x#y?z"]
FRAGMENTS = ["", "#", "#frag", "#ü", "#a#b", "#a b"]


def urls() -> typing.Iterator[Case]:
    draw = random.Random(SEED)
    parts = (SCHEMES, USERS, HOSTS, PORTS, PATHS, QUERIES, FRAGMENTS)
    for index, part in enumerate(parts):
        for value in part:
            pieces = ["http://", "", "example.com", "", "/p", "", ""]
            pieces[index] = value
            yield {"name": "".join(pieces), "kind": "parse_url", "url": "".join(pieces)}
    for _ in range(300):
        url = "".join(draw.choice(part) for part in parts)
        yield {"name": url, "kind": "parse_url", "url": url}
    for odd in (
        "",
        " ",
        "http",
        "://",
        "a:b",
        "/path?x",
        "http://\n",
        "\0",
        "http://h\r\n/",
        "?",
        "#",
    ):
        yield {"name": repr(odd), "kind": "parse_url", "url": odd}
    for value in (None, 5, b("http://h/")):
        yield {"name": repr(value), "kind": "parse_url", "url": value}


NAMES = ["A", "a", "Set-Cookie", "SET-COOKIE", "X-Y", "", "ü"]
VALUES = ["1", "2, 3", "", "ü"]


def header_dicts() -> typing.Iterator[Case]:
    draw = random.Random(SEED)

    def pair() -> list[typing.Any]:
        return [draw.choice(NAMES), draw.choice(VALUES)]

    def other() -> typing.Any:
        return draw.choice(
            [
                tagged("dict", [pair()]),
                tagged("headers", [pair(), pair(), pair()]),
                [tagged("tuple", pair()), tagged("tuple", pair())],
            ]
        )

    moves: dict[str, typing.Callable[[], list[typing.Any]]] = {
        "setitem": pair,
        "add": pair,
        "__getitem__": lambda: pair()[:1],
        "__delitem__": lambda: pair()[:1],
        "__contains__": lambda: pair()[:1],
        "get": lambda: pair(),
        "getlist": lambda: pair()[:1],
        "get_all": lambda: pair(),
        "discard": lambda: pair()[:1],
        "pop": lambda: pair()[: draw.choice([1, 2])],
        "setdefault": pair,
        "extend": lambda: [other()],
        "update": lambda: [other()],
        "__or__": lambda: [other()],
        "__ior__": lambda: [other()],
        "__ror__": lambda: [other()],
        "==": lambda: [other()],
        "copy": list,
        "len": list,
        "items": list,
        "iteritems": list,
        "itermerged": list,
        "keys": list,
        "values": list,
    }
    for number in range(120):
        steps = []
        for _ in range(14):
            move = draw.choice(list(moves))
            steps.append([move, *moves[move]()])
        start = draw.choice([None, other()])
        yield {"name": str(number), "kind": "header_dict", "start": start, "steps": steps}
    for wrong in (5, "ab", [1], tagged("dict", [[5, 6]]), tagged("dict", [[b("a"), b("c")]])):
        steps = [["items"], ["setitem", 5, "x"], ["__contains__", 5], ["__getitem__", None]]
        yield {"name": f"of {wrong!r}", "kind": "header_dict", "start": wrong, "steps": steps}


def retries() -> typing.Iterator[Case]:
    draw = random.Random(SEED)
    counts = [None, 0, 1, 3, False, True]
    errors = ["connect", "new", "read", "protocol", "ssl", "proxy", "proxy tls", "value"]
    after = ["0", "5", "junk", "", "Wed, 21 Oct 2015 07:28:00 GMT", "-1", "1.5"]
    for number in range(200):
        of: Case = {}
        for name in ("total", "connect", "read", "redirect", "status", "other"):
            if draw.random() < 0.4:
                of[name] = draw.choice(counts)
        if draw.random() < 0.5:
            of["allowed_methods"] = draw.choice([None, ["GET"], ["POST", "get"], []])
        if draw.random() < 0.5:
            of["status_forcelist"] = draw.choice([[500], [500, 503], []])
        if draw.random() < 0.5:
            of["backoff_factor"] = draw.choice([0, 0.1, 1, 3])
        if draw.random() < 0.2:
            of["backoff_jitter"] = 0.5
        if draw.random() < 0.2:
            of["backoff_max"] = 2
        for flag in ("raise_on_redirect", "raise_on_status", "respect_retry_after_header"):
            if draw.random() < 0.2:
                of[flag] = draw.choice([True, False])
        if draw.random() < 0.2:
            of["remove_headers_on_redirect"] = draw.choice([[], ["X-Secret"]])
        steps = []
        for _ in range(6):
            step: Case = {"method": draw.choice(["GET", "POST", "get"]), "url": "/u"}
            if draw.random() < 0.5:
                step["error"] = draw.choice(errors)
            else:
                step["status"] = draw.choice([200, 301, 303, 413, 429, 500, 503])
                step["headers"] = {"location": "/x"} if draw.random() < 0.5 else {}
                if draw.random() < 0.5:
                    step["headers"]["Retry-After"] = draw.choice(after)
            steps.append(step)
        yield {"name": str(number), "kind": "retry", "of": of, "steps": steps}
    for name, of in {
        "unknown": {"nothing": 1},
        "method_whitelist": {"method_whitelist": ["GET"]},
        "negative": {"total": -1},
        "text": {"total": "3"},
    }.items():
        yield {"name": name, "kind": "retry", "of": of, "steps": []}


def from_ints() -> typing.Iterator[Case]:
    values = [None, 0, 1, 5, True, False, -1, tagged("retry", {"total": 7}), "x"]
    defaults = [None, 2, False, tagged("retry", {"total": 9})]
    for value, redirect, default in itertools.product(values, [True, False, None, 2], defaults):
        name = f"{value} {redirect} {default}"
        yield {"name": name, "kind": "retry_from_int", "value": value, "redirect": redirect, "default": default}  # fmt: skip


def timeouts() -> typing.Iterator[Case]:
    values = [None, 1, 2.5, 0, -1, True, "x", "3", 1e9]
    for name in ("total", "connect", "read"):
        for value in values:
            yield {"name": f"{name}={value!r}", "kind": "timeout", "of": {name: value}}
    for total, connect, part in itertools.product([None, 3], [None, 1, 5], [None, 2, 9]):
        of = {"total": total, "connect": connect, "read": part}
        yield {"name": repr(of), "kind": "timeout", "of": of}
    yield {"name": "of nothing", "kind": "timeout", "of": None}


def forms() -> typing.Iterator[Case]:
    names = ["a", "ü", 'quo"te', "back\\slash", "", "per%cent", "new\nline", "cr\rlf\n", "nul\0"]
    values: list[typing.Any] = [
        "text", "ü", "", 5, 1.5, None, True, b("\xff\0"), ["x"],
        tagged("tuple", ["file.txt", "content"]),
        tagged("tuple", ["file.png", b("\x89PNG")]),
        tagged("tuple", ['fi"le\n.bin', b("x")]),
        tagged("tuple", ["ü.unknown", "x"]),
        tagged("tuple", ["f", "x", "text/odd"]),
        tagged("tuple", ["f", "x", None]),
        tagged("tuple", [None, "x"]),
        tagged("tuple", ["f", 5]),
        tagged("tuple", []),
        tagged("tuple", ["a", "b", "c", "d"]),
    ]  # fmt: skip
    for name in names:
        fields = tagged("dict", [[name, "value"]])
        yield {"name": f"name {name!r}", "kind": "multipart", "fields": fields}
    for value in values:
        fields = tagged("dict", [["name", value]])
        yield {"name": f"value {value!r}", "kind": "multipart", "fields": fields}
    pairs = [
        tagged("tuple", ["a", "1"]),
        tagged("tuple", ["a", "2"]),
        tagged("tuple", ["b", b("3")]),
    ]
    yield {"name": "pairs", "kind": "multipart", "fields": pairs}
    yield {"name": "nothing", "kind": "multipart", "fields": tagged("dict", [])}
    made = tagged("field", {"name": "n", "data": "d", "filename": "f", "headers": {"X": "y"}})
    yield {"name": "a field made by hand", "kind": "multipart", "fields": [made]}
    both = [made, tagged("tuple", ["plain", "x"])]
    yield {"name": "both kinds", "kind": "multipart", "fields": both}


def same_hosts() -> typing.Iterator[Case]:
    pools_ = ["http://example.com", "https://example.com", "http://example.com:8080", "http://[::1]:80", "http://bücher.example", "http://example.com:0", "https://example.com:80"]  # fmt: skip
    urls_ = ["/", "//other/x", "http://example.com", "http://EXAMPLE.com:80/x", "https://example.com:443", "http://example.com:8080/", "example.com", "example.com:80", "http://[::1]/", "http://xn--bcher-kva.example/", "http://bücher.example:80", "http://user@example.com/", "http://example.com.", "", "*", "x/y", "http://example.com:0/", "http://[", "http://example.com:99999"]  # fmt: skip
    for pool, url in itertools.product(pools_, urls_):
        yield {"name": f"{pool} {url}", "kind": "same_host", "pool": pool, "url": url}


def from_urls() -> typing.Iterator[Case]:
    for url in (
        "http://h", "https://h", "h", "h:81", "", "/path", "//h", "http://h:0/", "http://h:99999/",
        "ftp://h/", "HTTP://H:8080/x?y#z", "http://[::1%25lo]:1/", "http://user:pw@h/", "http:///x",
        "http://.h/", "http://h./", "http://bücher.example/", None,
    ):  # fmt: skip
        yield {"name": repr(url), "kind": "from_url", "url": url}
    for kw in ({"timeout": 0}, {"maxsize": 3}, {"timeout": "x"}, {"host": "x"}):
        yield {"name": repr(kw), "kind": "from_url", "url": "http://h", "kw": kw}
    yield {
        "name": "of a manager",
        "kind": "manager_pool",
        "urls": ["http://h", "http://H:80/x", "https://h", "http://h:81", "h", "http://h/?y"],
    }


def made_headers() -> typing.Iterator[Case]:
    for of in (
        {}, {"keep_alive": True}, {"accept_encoding": True}, {"accept_encoding": "gzip"},
        {"accept_encoding": ["gzip", "x"]}, {"user_agent": "ua"}, {"basic_auth": "a:b"},
        {"proxy_basic_auth": "ü:b"}, {"disable_cache": True}, {"basic_auth": "日:本"}, {"x": 1},
    ):  # fmt: skip
        yield {"name": repr(of), "kind": "make_headers", "of": of}


# ---------------------------------------------------------------- exchanges

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def with_body(body: bytes, *lines: str, status: str = "200 OK") -> str:
    head = "".join(f"{line}\r\n" for line in (*lines, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 {status}\r\n{head}\r\n" + body.decode("latin-1")


def one(name: str, *args: typing.Any, routes: typing.Any = None, do: str = "urlopen", **kw: typing.Any) -> Case:  # fmt: skip
    """One call on a pool, its retries off unless they are given."""
    kw = {"retries": False, **kw}
    return {
        "name": name,
        "kind": "exchange",
        "routes": routes or {"*": OK},
        "calls": [{"do": do, "args": list(args), "kw": kw}],
    }


BODIES: dict[str, typing.Any] = {
    "nothing": None,
    "text": "text ü",
    "empty text": "",
    "bytes": b("by\xfftes"),
    "empty bytes": b(""),
    "bytearray": tagged("bytearray", "array"),
    "memoryview": tagged("memoryview", "view"),
    "shorts": tagged("shorts", [1, 2, 3]),
    "file": tagged("file", "content", at=3),
    "text file": tagged("text file", "contänt"),
    "empty file": tagged("file", ""),
    "generator": tagged("generator", [b("one"), "zwö", b("")]),
    "empty generator": tagged("generator", []),
    "list": [b("one"), "two"],
    "number": 5,
    "object": tagged("object", None),
    "large": "x" * 70_000,
    "dict": tagged("dict", [["a", "b"]]),
}


def requests() -> typing.Iterator[Case]:
    for method in (
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "HEAD",
        "OPTIONS",
        "TRACE",
        "PATCH",
        "get",
        "BREW",
    ):
        for label in ("nothing", "bytes", "generator"):
            yield one(f"{method} {label}", method, "/", body=BODIES[label])
    for label, body in BODIES.items():
        for chunked in (True, False):
            yield one(f"{label}, chunked={chunked}", "PUT", "/", body=body, chunked=chunked)
    for label in ("file", "generator"):
        for headers in (
            {"Content-Length": "4"}, {"Transfer-Encoding": "chunked"}, {"transfer-encoding": "x"},
        ):  # fmt: skip
            yield one(f"{label} with {headers}", "PUT", "/", body=BODIES[label], headers=headers)
    for method in ("GE T", "", "G\r\nX: y", "GÉT", "G(T", "get"):
        yield one(f"method {method!r}", method, "/")
    for do, kw in (
        ("request", {"fields": {"a": "1", "b": "ü &"}}),
        ("request", {"json": {"a": [1, None, "ü"]}}),
        ("request", {"json": {"a": 1}, "headers": {"Content-Type": "x/y"}}),
        ("request", {"json": {}, "body": "x"}),
        ("request", {"fields": {"a": "1"}, "body": "x"}),
        ("request_encode_url", {"fields": {"a": "1"}}),
        ("request_encode_body", {"fields": {"a": "1"}, "encode_multipart": False}),
        ("request_encode_body", {"fields": {"a": "1"}, "multipart_boundary": "bb"}),
        ("request_encode_body", {"fields": {"a": "1"}, "multipart_boundary": "bb", "headers": {"X": "y"}}),
    ):  # fmt: skip
        for method in ("GET", "POST", "post", "HEAD"):
            yield one(f"{do} {method} {kw}", method, "/path?x", do=do, **kw)


def targets() -> typing.Iterator[Case]:
    for target in (
        "/", "/a b?c d#e", "/ü?ü", "/%zz", "/%41%2f", "//double//slash", "/a/../b", "/?", "/#f",
        "http://127.0.0.1:{port}/a/../b?x#f", "HTTP://127.0.0.1:{port}", "http://other/", "", "*", "x", "?q",
        "/a\r\nX: y", "/a\0", "/\x7f", "/[x]", "/a|b\\c^`{}", "/%e2%82%ac", "127.0.0.1:{port}/",
    ):  # fmt: skip
        yield one(f"{target!r}", "GET", target)
        yield one(f"{target!r} of any host", "GET", target, assert_same_host=False)
    yield one("bytes", "GET", b("/"))


def request_fields() -> typing.Iterator[Case]:
    for headers in (
        {}, {"X": "1"}, {"host": "other"}, {"Accept-Encoding": "gzip"}, {"user-agent": "ua"},
        {"User-Agent": b("b\xff")}, {"X": 5}, {"X": "ü"}, {"X": "日"}, {"X": "a\nb"}, {"X": "a\r\n b"}, {"X": ""},
        {"X": " y "}, {"X Y": "z"}, {"X:": "y"}, {"": "y"}, {"X\n": "y"}, {"X": None}, {"X": ["a"]},
        {"Connection": "close"}, {"Upgrade": "x"}, {"Expect": "100-continue"}, {"Cookie": "a=b"},
    ):  # fmt: skip
        yield one(repr(headers), "GET", "/", headers=headers)
    for name in ("User-Agent", "accept-encoding", "Host", "X"):
        yield one(f"skip {name}", "GET", "/", headers={name: {"!": "skip"}})
    pairs = [["X", "1"], ["Y", "2"], ["x", "3"]]
    yield one("the same name twice", "GET", "/", headers=tagged("headers", pairs))
    yield one("a list", "GET", "/", headers=[tagged("tuple", ["a", "b"])])
    yield one("names in bytes", "GET", "/", headers=tagged("dict", [[b("X"), b("y")]]))
    for kw in (
        {"foo": 1},
        {"timeout": "x"},
        {"timeout": 0},
        {"pool_timeout": -1},
        {"body_pos": "x"},
    ):
        yield one(f"option {kw}", "GET", "/", **kw)


DATA = b"line one\nline two\n" * 40
CODED = {
    "gzip": gzip.compress(DATA, mtime=0),
    "x-gzip": gzip.compress(DATA, mtime=0),
    "deflate": zlib.compress(DATA),
    "DEFLATE": zlib.compress(DATA)[2:-4],
    "gzip, deflate": zlib.compress(gzip.compress(DATA, mtime=0)),
    "gzip, gzip": gzip.compress(gzip.compress(DATA, mtime=0), mtime=0),
    "identity": DATA,
    "unknown": DATA,
    "": DATA,
    "zstd": b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello",
    "br": b"\x0b\x02\x80hello\x03",
}
CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{0}\r\n{1}"


def chunks(data: bytes, size: int, *lines: str) -> str:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    body = "".join(f"{len(piece):x}\r\n{piece.decode('latin-1')}\r\n" for piece in pieces)
    return CHUNKED.format("".join(f"{line}\r\n" for line in lines), body + "0\r\n\r\n")


def answers() -> typing.Iterator[Case]:
    texts = {
        "plain": OK,
        "no content": "HTTP/1.1 204 No Content\r\n\r\n",
        "not modified": "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "without reason": "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "with a long reason": with_body(b"", status="404 Not  Found At All "),
        "a strange status": with_body(b"x", status="299 Odd"),
        "status 999": with_body(b"x", status="999 Odd"),
        "HTTP/1.0": "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 kept alive": "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/0.9": "HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.2": "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "closing": with_body(b"ok", "Connection: close"),
        "many fields": with_body(b"ok", *(f"X-{n}: {n}" for n in range(50))),
        "cookies": with_body(b"ok", "Set-Cookie: a=b", "set-cookie: c=d; Path=/", "X: y"),
        "folded": with_body(b"ok", "X: a", " b", "\tc", "Y: d"),
        "blank values": with_body(b"ok", "X:", "Y: ", "Z:  spaced  out  "),
        "latin-1": with_body(b"ok", "X: \xfc"),
        "chunked": chunks(DATA, 100),
        "chunked at once": chunks(DATA, 10_000),
        "chunked by bytes": chunks(b"hello", 1),
        "chunked with a trailer": chunks(b"hello", 3)[:-2] + "X: y\r\n\r\n",
        "keep-alive hint": with_body(b"ok", "Keep-Alive: timeout=5, max=3"),
        "until the end": ["HTTP/1.1 200 OK\r\n\r\nhello", ["fin", ""]],
        "until the end, HTTP/1.0": ["HTTP/1.0 200 OK\r\n\r\nhello", ["fin", ""]],
        "100 first": "HTTP/1.1 100 Continue\r\n\r\n" + OK,
    }
    for coding, body in CODED.items():
        texts[f"coded {coding}"] = with_body(body, f"Content-Encoding: {coding}")
        texts[f"coded {coding} in chunks"] = chunks(body, 7, f"Content-Encoding: {coding}")
    for label, text in texts.items():
        for way, kw, then in (
            ("preloaded", {}, [["data"], ["tell"], ["closed"], ["read"]]),
            ("read", {"preload_content": False}, [["read"], ["data"], ["isclosed"]]),
            ("undecoded", {"decode_content": False}, [["data"]]),
            ("streamed", {"preload_content": False}, [["stream", 10], ["closed"], ["tell"]]),
            ("as HEAD", {}, [["data"], ["read"]]),
            ("as lines", {"preload_content": False}, [["lines"], ["closed"]]),
        ):
            sent = text
            if way == "as HEAD":
                if isinstance(text, list) or text.startswith("HTTP/1.1 100"):
                    continue
                sent = text.partition("\r\n\r\n")[0] + "\r\n\r\n"
            case = one(f"{label}, {way}", "HEAD" if way == "as HEAD" else "GET", "/", **kw)
            case["calls"][0]["reads"] = then
            if isinstance(sent, list):
                case["connections"] = [sent]
                del case["routes"]
            else:
                case["routes"] = {"*": sent}
            yield case


def bad_answers() -> typing.Iterator[Case]:
    for row in TABLE:
        if isinstance(row.answer, bytes):
            for way, preload in (("preloaded", True), ("streamed", False)):
                case = one(f"{row.id}, {way}", "GET", "/", preload_content=preload)
                del case["routes"]
                case["connections"] = [[row.answer.decode("latin-1"), ["fin", ""]]]
                case["calls"][0]["reads"] = [["data"]] if preload else [["stream", 7]]
                yield case


def reads() -> typing.Iterator[Case]:
    draw = random.Random(SEED)
    texts = {
        "plain": with_body(DATA),
        "gzip": with_body(CODED["gzip"], "Content-Encoding: gzip"),
        "deflate": with_body(CODED["deflate"], "Content-Encoding: deflate"),
        "chunks": chunks(DATA, 50),
        "gzip in chunks": chunks(CODED["gzip"], 9, "Content-Encoding: gzip"),
        "nothing": with_body(b""),
    }
    moves: list[typing.Callable[[], list[typing.Any]]] = [
        lambda: ["read", draw.choice([0, 1, 5, 100, 100_000])],
        lambda: ["read", draw.choice([3, 50]), draw.choice([True, False])],
        lambda: ["read"],
        lambda: ["read", -1],
        lambda: ["readinto", draw.choice([1, 20, 5000])],
        lambda: ["readline"],
        lambda: ["next piece", draw.choice([4, 60])],
        lambda: ["stream", draw.choice([16, 1000])],
        lambda: ["read_chunked"],
        lambda: ["tell"],
        lambda: ["length_remaining"],
        lambda: ["closed"],
        lambda: ["drain_conn"],
        lambda: ["release_conn"],
        lambda: ["close"],
        lambda: ["data"],
        lambda: ["readable"],
        lambda: ["geturl"],
        lambda: ["read", None, None, True],
    ]
    for label, text in texts.items():
        for number in range(25):
            case = one(f"{label} {number}", "GET", "/", preload_content=False, routes={"*": text})
            case["calls"][0]["reads"] = [draw.choice(moves)() for _ in range(6)]
            yield case


def redirects() -> typing.Iterator[Case]:
    locations = {
        "path": "/two",
        "fragment": "/two#frag",
        "absolute": "http://127.0.0.1:{port}/two",
        "by another name": "http://localhost:{port}/two",
        "relative": "two",
        "query": "?q=1",
        "empty": "",
        "dots": "/a/../two",
        "blank": "/two words",
        "no host": "http://",
        "another scheme": "ftp://127.0.0.1/",
        "bytes": "/\xfc",
        "a broken address": "http://[::1",
    }
    headers = {"Authorization": "a", "Cookie": "c", "Content-Type": "t/t", "X": "y"}
    for client, status, label in itertools.product(("pool", "manager"), (301, 303, 307), locations):
        yield redirect(
            f"{client} {status} {label}", client, status, locations[label], headers=headers
        )
    for client, status, method in itertools.product(
        ("pool", "manager"),
        (300, 301, 302, 303, 304, 305, 307, 308),
        ("GET", "POST", "HEAD", "PUT"),
    ):
        for body in ("bytes", "file", "generator", "list") if method == "PUT" else ("bytes",):
            yield redirect(
                f"{client} {status} {method} {body}",
                client,
                status,
                "/two",
                method=method,
                headers=headers,
                body=None if method in ("GET", "HEAD") else BODIES[body],
            )
    for client in ("pool", "manager"):
        for label, kw in {
            "off": {"redirect": False},
            "no retries": {"retries": False},
            "none left": {"retries": 0},
            "Retry(redirect=0)": {"retries": tagged("retry", {"redirect": 0})},
            "returned": {"retries": tagged("retry", {"redirect": 0, "raise_on_redirect": False})},
            "streamed": {"preload_content": False},
            "kept secrets": {"retries": tagged("retry", {"remove_headers_on_redirect": []})},
            "headers of a dict of ours": {
                "headers": tagged("headers", [["X", "1"], ["Cookie", "2"]])
            },
        }.items():
            yield redirect(f"{client} {label}", client, 302, "http://localhost:{port}/two", **kw)
            yield redirect(f"{client} {label}, here", client, 302, "/two", **kw)
        loop = redirect(f"{client} in a loop", client, 302, "/one")
        yield loop
        late = redirect(f"{client} after a while", client, 302, "/two")
        late["routes"]["/one"] = late["routes"]["/one"].replace(
            "Location", "Retry-After: 2\r\nLocation"
        )
        yield late


def redirect(name: str, client: str, status: int, location: str, *, method: str = "GET", **kw: typing.Any) -> Case:  # fmt: skip
    url = "/one" if client == "pool" else "http://127.0.0.1:{port}/one"
    case = one(name, method, url, **{"retries": None, **kw})
    case["client"] = client
    case["routes"] = {
        "/one": with_body(b"" if method == "HEAD" else b"moved", f"Location: {location}", status=f"{status} Moved"),
        "*": with_body(b"" if method == "HEAD" else b"there"),
    }  # fmt: skip
    case["client_kw"] = {"timeout": 10}
    return case


def tries() -> typing.Iterator[Case]:
    full = tagged("retry", {"total": 3, "backoff_factor": 0.5, "status_forcelist": [500]})
    never = tagged("retry", {"total": 2, "status_forcelist": [500], "raise_on_status": False})
    posts = tagged("retry", {"total": 2, "status_forcelist": [500], "allowed_methods": None})
    broken = with_body(b"broken", status="500 Broken")
    later = with_body(b"later", "Retry-After: 3", status="503 Later")
    for label, text in {
        "500": broken,
        "503": later,
        "429": with_body(b"", "Retry-After: junk", status="429 No"),
        "413": with_body(b"", "Retry-After: 0", status="413 No"),
    }.items():
        for name, retry in {"full": full, "never": never, "posts": posts, "default": None, "2": 2, "False": False}.items():  # fmt: skip
            for method in ("GET", "POST"):
                yield one(f"{label} {name} {method}", method, "/", retries=retry, routes={"*": text}, body=BODIES["file"])  # fmt: skip
    scripts: dict[str, list[list[typing.Any]]] = {
        "dropped, then fine": [[["recv", ""], ["fin", ""]], [OK]],
        "reset, then fine": [[["recv", ""], ["reset", ""]], [OK]],
        "garbage, then fine": [["garbage\r\n"], [OK]],
        "cut short, then fine": [
            ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", ["fin", ""]],
            [OK],
        ],
        "500, then fine": [[broken, OK]],
        "503, then fine": [[later, OK]],
        "dropped for ever": [[["recv", ""], ["fin", ""]]] * 4,
    }
    for label, connections in scripts.items():
        for method, body in (
            ("GET", None),
            ("PUT", "file"),
            ("PUT", "generator"),
            ("POST", "bytes"),
        ):
            case = one(
                f"{label}, {method} {body}", method, "/", body=BODIES[body] if body else None
            )
            case["calls"][0]["kw"]["retries"] = full
            del case["routes"]
            case["connections"] = connections
            yield case
    for retries_ in (
        None,
        False,
        0,
        2,
        tagged("retry", {"connect": 0}),
        tagged("retry", {"connect": False}),
        full,
    ):
        for client in ("pool", "manager"):
            url = "/" if client == "pool" else "http://127.0.0.1:{port}/"
            case = one(f"refused, {client}, {retries_}", "GET", url, retries=retries_)
            yield {**case, "kind": "refused", "client": client}
    for url in ("http://example.com/", "https://example.com/"):
        case = one(f"proxy refused, {url}", "GET", url, retries=1)
        yield {**case, "kind": "refused", "client": "proxy"}


def pools() -> typing.Iterator[Case]:
    get: Case = {"do": "urlopen", "args": ["GET", "/"], "kw": {}}
    stream: Case = {"do": "urlopen", "args": ["GET", "/"], "kw": {"preload_content": False}, "reads": []}  # fmt: skip
    taken: Case = {"do": "urlopen", "args": ["GET", "/"], "kw": {"pool_timeout": 0}}

    def case(name: str, *calls: Case, routes: typing.Any = None, **client_kw: typing.Any) -> Case:
        return {
            "name": name,
            "kind": "exchange",
            "routes": routes or {"*": OK},
            "calls": list(calls),
            "client_kw": client_kw,
        }

    yield case("twice", get, get)
    yield case("two kept", get, stream, get, maxsize=2)
    yield case("one streaming, one more", stream, get, get)
    yield case("one streaming, blocking", stream, taken, block=True, retries=False)
    yield case("no room at all", get, get, maxsize=0)
    yield case("closing answers", get, get, routes={"*": with_body(b"ok", "Connection: close")})
    yield case("with headers", get, headers={"X": "y"})
    yield case("with other headers", {**get, "kw": {"headers": {"Z": "z"}}}, headers={"X": "y"})
    yield case("no retries", get, retries=False)
    yield case("an unknown option", get, foo=5)
    yield case("released at once", {**get, "kw": {"preload_content": False, "release_conn": True}, "reads": []}, get)  # fmt: skip
    yield case("kept although read", {**get, "kw": {"release_conn": False}}, taken, block=True)
    yield case("204, then more", get, get, routes={"*": "HTTP/1.1 204 No\r\n\r\n"})
    dropped = case("dropped while idle", get, {"do": "wait until dropped"}, get)
    del dropped["routes"]
    yield {**dropped, "connections": [[OK, ["fin", ""]], [OK]]}


def managers() -> typing.Iterator[Case]:
    here = "http://127.0.0.1:{port}"
    for label, kw in {
        "plain": {},
        "fields": {"fields": {"a": "b"}},
        "headers": {"headers": {"X": "y"}},
        "timeout": {"timeout": tagged("timeout", {"connect": 5, "read": 6})},
        "a bad option": {"foo": 1},
    }.items():
        case = one(label, "GET", f"{here}/a?b#c", do="request", **kw)
        yield {**case, "client": "manager", "client_kw": {"headers": {"Default": "d"}}}
    for url in (
        "127.0.0.1:{port}/x",
        f"{here}",
        f"{here}/ü",
        "ftp://h/",
        "",
        "http://",
        "http://h:99999",
    ):
        yield {**one(f"url {url!r}", "GET", url, do="request"), "client": "manager"}
    for kw in ({"num_pools": 1}, {"maxsize": 3, "block": True}, {"timeout": 5, "foo": 1}):
        case = one(f"made with {kw}", "GET", f"{here}/", do="request")
        yield {**case, "client": "manager", "client_kw": kw}


def proxies() -> typing.Iterator[Case]:
    for url in ("http://example.com/a?b#c", "http://example.com:8080/", "http://bücher.example/ü", "example.com", "ftp://x/"):  # fmt: skip
        for kw in ({}, {"headers": {"X": "y"}}, {"headers": {"Host": "h", "Accept": "a"}}):
            case = one(f"{url} {kw}", "GET", url, do="request", **kw)
            yield {**case, "client": "proxy", "client_kw": {"proxy_headers": {"Proxy-X": "p"}}}
    for label, text in {
        "refused": "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n",
        "garbage": "garbage\r\n\r\n",
        "unwilling": with_body(b"no", status="503 No"),
    }.items():
        for headers in ({}, {"proxy-authorization": "Basic x"}):
            case = one(f"tunnel {label} {headers}", "GET", "https://example.com/")
            del case["routes"]
            case["connections"] = [[text, ["fin", ""]]]
            yield {**case, "client": "proxy", "client_kw": {"proxy_headers": headers}}
    moved = with_body(b"", "Location: http://other.example/x", status="302 Go")
    case = one("redirected", "GET", "http://example.com/one", retries=None)
    routes = {"http://example.com/one": moved, "*": OK}
    yield {**case, "client": "proxy", "routes": routes}


def tls(certificates: typing.Any) -> typing.Iterator[Case]:
    trusted = {"ca_certs": certificates.ca}
    for label, shown, kw in (
        ("trusted", certificates.localhost, trusted),
        ("unknown authority", certificates.localhost, {}),
        ("another name", certificates.example, trusted),
        (
            "another name, expected",
            certificates.example,
            {**trusted, "assert_hostname": "example.com"},
        ),
        ("another name, not expected", certificates.example, {**trusted, "assert_hostname": "x"}),
        ("any name", certificates.example, {**trusted, "assert_hostname": False}),
        ("by server_hostname", certificates.example, {**trusted, "server_hostname": "example.com"}),
        ("unverified", certificates.localhost, {"cert_reqs": "CERT_NONE"}),
        ("required", certificates.localhost, {**trusted, "cert_reqs": "CERT_REQUIRED"}),
        ("a wrong fingerprint", certificates.localhost, {"assert_fingerprint": "aa" * 32}),
        ("half a fingerprint", certificates.localhost, {"assert_fingerprint": "aa"}),
        ("no file", certificates.localhost, {"ca_certs": "/nowhere"}),
        ("nonsense", certificates.localhost, {"cert_reqs": "CERT_NONSENSE"}),
    ):
        for retries_ in (False, 1):
            case = one(f"{label}, {retries_}", "GET", "/", retries=retries_)
            yield {**case, "client": "tls", "host": "localhost", "tls": shown.path, "client_kw": kw}
