"""What each step of making a request cheap buys: ours with one step off, beside ours as it is.

    python benchmarks/steps.py --rounds 15 --json docs/benchmarks.json

A step is switched off from outside, at run time, by putting the plain way in its place: most of
them are seams that programs use, too.  ``tests/pure/test_benchmarks.py`` holds that each switch
still does something.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Step(NamedTuple):
    """``what`` is done, instead of what, and the scenario that shows it."""

    what: str
    instead: str
    scenario: str
    switch_off: Callable[[], None]


def module(name: str) -> Any:
    """A module of the package, without importing it where only the table is wanted."""
    __import__(f"urllib3.{name}")
    return sys.modules[f"urllib3.{name}"]


def after(owner: Any, name: str, extra: Callable[[Any], object]) -> None:
    """Do EXTRA with the object, each time its method NAME has been called."""
    method = getattr(owner, name)

    def longer(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        extra(self)
        return result

    setattr(owner, name, longer)


def one_piece() -> None:
    import http.client

    # Any wrapper makes the connection walk http.client's chain, as for sentry and others.
    after(http.client.HTTPConnection, "endheaders", lambda connection: None)


def block() -> None:
    module("_wire").plain_head = lambda block: None


def no_email() -> None:
    import http.client

    after(http.client.HTTPResponse, "begin", lambda response: None)


def lazy_headers() -> None:
    after(module("_wire").Head, "__init__", lambda head: head.headers)


def lazy_message() -> None:
    after(module("_incoming").IncomingResponse, "begin", lambda response: response.msg)


def no_file() -> None:
    after(
        module("_incoming").IncomingResponse, "begin", lambda response: response.receiver.hold()
    )


def same_fields() -> None:
    connection = module("connection").HTTPConnection
    after(connection, "request", lambda self: self.__dict__.update(_asked=None))


def key() -> None:
    module("poolmanager")._KeyCache.get = lambda *_: None


def plain_url() -> None:
    url = module("util.url")
    module("poolmanager").parse_url = url._parse_any


def kept_poll() -> None:
    wait, incoming = module("util.wait"), module("_incoming")
    incoming.readable_now = lambda sock: lambda: wait.wait_for_read(sock, 0.0)


def light_queue() -> None:
    import queue

    pool = module("connectionpool").HTTPConnectionPool
    pool.QueueCls = type("Queue", (queue.LifoQueue,), {})


def known_timeout() -> None:
    module("connection")._apply_timeout = lambda sock, timeout: sock.settimeout(timeout)


def with_head() -> None:
    module("connection")._SMALL_BODY = -1


def chunk_memo() -> None:
    wire = module("_wire")
    wire.chunk_size = wire.chunk_size.__wrapped__


def context_memo() -> None:
    module("_tls").ContextMemo.MOST = 0


STEPS = {
    step.switch_off.__name__: step
    for step in (
        Step("the head of an answer is parsed in one block", "line by line", "api", block),
        Step("… by this package", "by `email.parser`, through `http.client`", "api", no_email),
        Step("header fields are taken apart when looked at", "always", "api", lazy_headers),
        Step("the `HTTPMessage` is made when looked at", "always", "api", lazy_message),
        Step("a small body comes from the `recv` of its head", "from a file", "tiny", no_file),
        Step("the request leaves in one piece", "by the chain of `http.client`", "tiny", one_piece),
        Step("its fields are settled once", "for each request", "tiny", same_fields),
        Step("a small body leaves with its head", "by a second `send`", "put2k", with_head),
        Step("an ordinary URL is matched whole", "split, checked, rebuilt", "tiny", plain_url),
        Step("the key of a pool is remembered", "made of thirty settings", "tiny", key),
        Step("one lock in the pool's queue", "`queue.LifoQueue`", "tiny", light_queue),
        Step("the poll object of a socket is kept", "made for each look", "tiny", kept_poll),
        Step("the timeout is set when it changes", "for each wait", "tiny", known_timeout),
        Step("a size of chunk is parsed once", "each time", "chunked1k", chunk_memo),
        Step("contexts are shared by a manager", "made anew", "tls_new", context_memo),
    )
}


def main() -> None:
    import run

    options = run.arguments(__doc__, steps=True)
    names = options.step.split(",") if options.step else list(STEPS)
    scenarios = dict.fromkeys(STEPS[name].scenario for name in names)
    with run.ready(options) as bench:
        for scenario in scenarios:
            steps = [name for name in names if STEPS[name].scenario == scenario]
            entrants = [run.Entrant("all steps", "ours", {})]
            entrants += [run.Entrant(name, "ours", {"without": name}) for name in steps]
            found = bench.measure(scenario, entrants)
            print(run.table(scenario, found), flush=True)
            bench.keep("steps", {name: found[name] for name in steps})


if __name__ == "__main__":
    main()
