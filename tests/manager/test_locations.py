"""Where a Location leads: from a manager and from a pool, by every way a server may write it."""

from __future__ import annotations

import pytest

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, PoolManager, ProxyManager, Retry
from urllib3.exceptions import HostChangedError, LocationParseError, LocationValueError
from urllib3.response import HTTPResponse

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLIENTS = ["manager", "pool"]


def redirecting(*locations, then=OK):
    """A handler that answers the first request with the Location fields given, as bytes."""
    fields = b"".join(b"Location:%s\r\n" % location for location in locations)
    first = b"HTTP/1.1 302 Found\r\n%sContent-Length: 4\r\n\r\ngone" % fields
    answers = [first]

    def handler(request):
        return answers.pop() if answers else then

    return handler


def follow(client, server, path="/dir/one?z=9", **kw):
    """Ask SERVER for PATH by CLIENT, on one blocking connection whose slot must survive."""
    kw.setdefault("retries", 3)
    if client == "pool":
        pool = HTTPConnectionPool(server.host, server.port, maxsize=1, block=True)
        with pool:
            return checked(pool, lambda: pool.urlopen("GET", path, pool_timeout=5, **kw))
    with PoolManager(maxsize=1, block=True) as manager:
        pool = manager.connection_from_host(server.host, server.port)
        return checked(pool, lambda: manager.request("GET", server.url(path), **kw))


def checked(pool, ask):
    try:
        return ask()
    finally:
        assert pool.pool.qsize() == 1  # whatever happened
        pool.close()  # an error that a test keeps refers to it


def asked(server):
    """The targets that were asked for, as paths."""
    own = f"http://{server.host}:{server.port}"
    return [request.line.split(" ")[1].removeprefix(own) for request in server.requests]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/jos\xe9".encode(), "/jos%C3%A9"),
        (b"/jos\xe9", "/jos%E9"),
        (b"/\xff\xfe?\xc3\xa9=\xe9", "/%FF%FE?%C3%A9=%E9"),
        (b"/%41\xff/%zz?a%2fb\xff", "/%2541%FF/%25zz?a%2Fb%FF"),
        (b"/%41\xc3\xa9?%", "/%41%C3%A9?%25"),
        (b"/a#\xff", "/a"),
        (b"?x=\xff", "/dir/one?x=%FF"),
        (b"\xe2\x82\xac", "/dir/%E2%82%AC"),
        (b"//PLACE/\xd7\x93", "/%D7%93"),
        (b"http://PLACE/\xd7\x93?\xff", "/%D7%93?%FF"),
        (b"/\xc2\xa0", "/%C2%A0"),
    ],
)
def test_bytes_beyond_ascii_are_sent_back_as_they_came(client, location, target):
    with serve(handler=lambda request: handler(request)) as server:
        place = f"{server.host}:{server.port}".encode()
        handler = redirecting(b" " + location.replace(b"PLACE", place))
        follow(client, server)
    assert asked(server) == ["/dir/one?z=9", target]


def test_what_the_server_said_is_still_told_as_it_was_decoded():
    with serve(handler=redirecting(b"/\xc3\xa9")) as server:
        response = follow("manager", server)
        first = follow("manager", server, "/", redirect=False)
    assert response.retries.history[0].redirect_location == "/\xc3\xa9"
    assert first.status == 200
    with serve(handler=redirecting(b"/a", b"/b")) as server:
        response = follow("pool", server, redirect=False)
    assert response.get_redirect_location() == "/a, /b"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("http://b\xfccher.invalid/".encode(), "xn--bcher-kva.invalid"),
        (b"http://b\xfccher.invalid/", "xn--bcher-kva.invalid"),
        ("//u\xe9:p@b\xfccher.invalid:81/\xfc".encode(), "xn--bcher-kva.invalid"),
    ],
)
def test_a_host_beyond_ascii_goes_through_idna(location, host):
    hosts = []

    class Observed(PoolManager):
        def connection_from_host(self, host, *args, **kw):
            hosts.append(host)
            if len(hosts) > 1:
                raise LookupError
            return super().connection_from_host(host, *args, **kw)

    with serve(handler=redirecting(location)) as server, Observed() as manager:
        with pytest.raises(LookupError):
            manager.request("GET", server.url())
    assert hosts[1] == host


def test_a_location_that_never_was_bytes_is_text():
    """As a response of another class, or one made by a test, may have it."""
    with serve(handler=lambda request: OK) as server, PoolManager() as manager:
        pool = manager.connection_from_url(server.url())
        real, answers = pool.urlopen, [HTTPResponse(status=302, headers={"Location": "/\u20ac"})]
        pool.urlopen = lambda *a, **kw: answers.pop() if answers else real(*a, **kw)
        manager.request("GET", server.url())
        pool.close()  # it refers to itself now
    assert asked(server) == ["/%E2%82%AC"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("fields", [(b" /a", b"/a"), (b"/a", b" \t/a \t", b"/a")])
def test_equal_locations_are_one(client, fields):
    with serve(handler=redirecting(*fields)) as server:
        follow(client, server)
    assert asked(server) == ["/dir/one?z=9", "/a"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("preload_content", [True, False])
@pytest.mark.parametrize(
    "fields",
    [
        (b"/a", b"/b"),
        (b"/a", b""),
        (b"/a", b"/a", b"/A"),
        (b"http://PLACE/a", b"/a"),
        (b"/a,", b"b"),
    ],
)
def test_locations_that_differ_are_refused(client, fields, preload_content):
    with serve(handler=lambda request: handler(request)) as server:
        place = f"{server.host}:{server.port}".encode()
        handler = redirecting(*(field.replace(b"PLACE", place) for field in fields))
        with pytest.raises(LocationValueError, match="Location fields that differ: "):
            follow(client, server, preload_content=preload_content)
    assert asked(server) == ["/dir/one?z=9"]


def test_one_location_with_a_comma_is_one():
    with serve(handler=redirecting(b"/a, /b")) as server:
        follow("manager", server)
    assert asked(server) == ["/dir/one?z=9", "/a,%20/b"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_redirect_that_is_not_followed_may_say_what_it_likes(client):
    with serve(handler=redirecting(b"/a", b"http://[")) as server:
        assert follow(client, server, retries=Retry(3, redirect=False)).status == 302
        assert follow(client, server, retries=False).data == b"ok"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("preload_content", [True, False])
@pytest.mark.parametrize(
    "location",
    [
        b"http://[",
        b"http://[::1",
        b"http://PLACE:99999/",
        b"http://h:port/",
        b"http://h:-1/",
        b"http://a b/",
        b"http://h\x01/",
        b"//[/x",
        b"//h:99999/x",
        b"http://%/",
        b"http://\xff.\xef\xbc\x8f/",
        b"http:///x",
        b"HTTP:///x",
        b"http://",
        b"https://?q",
        b"https://#f",
        b"http://:80/x",
        b"//:80/x",
        b"http://user@/x",
    ],
)
def test_a_location_that_names_no_place_is_refused(client, location, preload_content):
    with serve(handler=redirecting(location)) as server:
        with pytest.raises((LocationValueError, HostChangedError)) as caught:
            follow(client, server, preload_content=preload_content, assert_same_host=False)
    assert asked(server) == ["/dir/one?z=9"]
    if client == "manager":
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("location", [b"http:///x", b"http://:80/x", b"//:80/x", b"http://@/x"])
def test_no_proxy_is_asked_for_what_no_host_has(location):
    with serve(handler=redirecting(location)) as server, ProxyManager(server.url("/")) as manager:
        with pytest.raises(LocationValueError, match="No host specified"):
            manager.request("GET", "http://h.example/dir/one")
    assert len(server.requests) == 1


def test_an_impossible_port_is_a_parse_error():
    with serve(handler=redirecting(b"http://h:99999/")) as server:
        with pytest.raises(LocationParseError):
            follow("manager", server)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"two", "/dir/two"),
        (b"./two", "/dir/two"),
        (b"../up", "/up"),
        (b"?q", "/dir/one?q"),
        (b"#f", "/dir/one?z=9"),
        (b" \t/a \t", "/a"),
        (b"//PLACE", "/"),
        (b"//PLACE/net//x", "/net//x"),
        (b"//PLACE?q", "/?q"),
        (b"http://PLACE", "/"),
        (b"http://PLACE?q=@evil.invalid/", "/?q=@evil.invalid/"),
        (b"http://user:pass@PLACE/x", "/x"),
        (b"/a\x0bb\x7f", "/a%0Bb%7F"),
        (b"/a?b=http://h/c d", "/a?b=http://h/c%20d"),
    ],
)
def test_a_location_is_a_reference(client, location, target):
    """Which RFC 9110, 10.2.2 has resolved against the URL of the request."""
    with serve(handler=lambda request: handler(request)) as server:
        place = f"{server.host}:{server.port}".encode()
        handler = redirecting(location.replace(b"PLACE", place))
        follow(client, server)
    assert asked(server) == ["/dir/one?z=9", target]
    assert {request.get("Host") for request in server.requests} == {place.decode()}


@pytest.mark.parametrize(
    "location", [b"//elsewhere.invalid/x", b"//127.0.0.1:1/x", b"https://PLACE/"]
)
def test_a_pool_does_not_follow_to_another_host(location):
    with serve(handler=lambda request: handler(request)) as server:
        place = f"{server.host}:{server.port}".encode()
        handler = redirecting(location.replace(b"PLACE", place))
        with pytest.raises(HostChangedError):
            follow("pool", server)
    assert asked(server) == ["/dir/one?z=9"]


def test_an_empty_location_is_none():
    with serve(handler=redirecting(b"")) as server:
        assert follow("manager", server).status == 302


# ---------------------------------------------------------------- what goes along

OWN = {"hOST": "mine", "X": "y", "Authorization": "secret"}


@pytest.mark.parametrize("headers", [OWN, HTTPHeaderDict(OWN), {b"Host": "mine", "X": "y"}])
@pytest.mark.parametrize("kept", [[], ["Authorization"]])
def test_a_host_of_the_callers_own_does_not_follow_to_another(headers, kept):
    with serve(handler=lambda request: OK) as second:
        with (
            serve(handler=redirecting(second.url("/x").encode())) as first,
            PoolManager() as manager,
        ):
            retries = Retry(3, remove_headers_on_redirect=kept)
            manager.request("GET", first.url(), headers=headers, retries=retries)
    [before], [after] = first.requests, second.requests
    assert before.get("Host") == "mine"
    assert [value for name, value in after.headers if name.lower() == "host"] == [
        f"{second.host}:{second.port}"
    ]
    assert after.get("X") == "y"


def test_the_managers_own_host_field_does_not_follow_either():
    with serve(handler=lambda request: OK) as second:
        with serve(handler=redirecting(second.url().encode())) as first:
            with PoolManager(headers={"Host": "mine"}) as manager:
                manager.request("GET", first.url())
                assert manager.headers == {"Host": "mine"}
    assert second.requests[0].get("Host") == f"{second.host}:{second.port}"


def test_a_pool_told_to_go_anywhere_leaves_the_host_behind():
    with serve(handler=redirecting(b"http://other.invalid/x")) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            pool.urlopen("GET", "/", headers={"Host": "mine"}, assert_same_host=False)
    assert [request.get("Host") for request in server.requests] == ["mine", "other.invalid"]


def test_within_its_origin_the_host_stays():
    with serve(handler=redirecting(b"/two")) as server, PoolManager() as manager:
        manager.request("GET", server.url(), headers={"Host": "mine"})
    assert [request.get("Host") for request in server.requests] == ["mine", "mine"]


# ---------------------------------------------------------------- whole URLs


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        (
            "http://good.invalid?@evil.invalid/",
            "http://good.invalid/?@evil.invalid/",
            "good.invalid",
        ),
        ("http://good.invalid#@evil.invalid/", "http://good.invalid/", "good.invalid"),
        ("http://good.invalid", "http://good.invalid/", "good.invalid"),
        ("http://good.invalid:8080?", "http://good.invalid:8080/?", "good.invalid:8080"),
        ("http://user:pass@good.invalid?x", "http://good.invalid/?x", "good.invalid"),
        ("http://us%40er@good.invalid/a@b", "http://good.invalid/a@b", "good.invalid"),
        (
            "http://good.invalid\\@evil.invalid/",
            "http://good.invalid/%5C@evil.invalid/",
            "good.invalid",
        ),
        ("good.invalid?q", "http://good.invalid/?q", "good.invalid"),
    ],
)
@pytest.mark.filterwarnings("ignore:URLs without a scheme")
def test_a_proxy_is_sent_host_path_and_query(url, target, host):
    with serve(handler=lambda request: OK) as proxy, ProxyManager(proxy.url()) as manager:
        manager.request("GET", url)
        manager.connection_from_url("http://x.invalid").urlopen(  # as requests does
            "GET", url if "://" in url else f"http://{url}", assert_same_host=False
        )
    for request in proxy.requests:
        assert request.line == f"GET {target} HTTP/1.1"
        assert request.get("Host") == host


def test_a_location_cannot_choose_the_host_that_a_proxy_sees():
    location = b"http://good.invalid?@evil.invalid/"
    with serve(handler=redirecting(location)) as proxy, ProxyManager(proxy.url()) as manager:
        manager.request("GET", "http://good.invalid/", headers={"Authorization": "secret"})
    assert [request.line.split(" ")[1] for request in proxy.requests] == [
        "http://good.invalid/",
        "http://good.invalid/?@evil.invalid/",
    ]
    assert proxy.requests[1].get("Authorization") == "secret"


def test_a_pool_of_a_proxy_joins_to_the_url_it_was_asked_for():
    with serve(handler=redirecting(b"/two")) as proxy, ProxyManager(proxy.url()) as manager:
        pool = manager.connection_from_url("http://x.invalid")
        pool.urlopen("GET", "http://x.invalid/one", assert_same_host=False)
    assert proxy.requests[1].line == "GET http://x.invalid/two HTTP/1.1"
