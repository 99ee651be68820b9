"""What each step of making a request cheap saves: this package with and without the step.

    python benchmarks/steps.py --rounds 15 --json docs/benchmarks.json
    python benchmarks/steps.py --instructions --json docs/benchmarks.json

A step is switched off from outside, at run time, by putting the ordinary way in its place.  Most of
the switches are functions that programs replace, too.  The second command counts instructions (by
callgrind, a part of valgrind), which do not depend on other load of the machine.  A test verifies
that each switch still has an effect.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Step(NamedTuple):
    """What is done; what is done without it, and the scenario that shows the difference."""

    what: str
    instead: str
    scenario: str
    switch_off: Callable[[], None]


def module(name: str) -> Any:
    """A module of the package, without importing it where only the table is wanted."""
    __import__(f"urllib3.{name}")
    return sys.modules[f"urllib3.{name}"]


def after(owner: Any, name: str, extra: Callable[[Any, Any], object]) -> None:
    """Do EXTRA with the object and the result, each time its method NAME has been called."""
    method = getattr(owner, name)

    def longer(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        extra(self, result)
        return result

    setattr(owner, name, longer)


def nothing() -> None:
    after(module("connection").HTTPConnection, "getresponse", lambda *_: None)


def patched(*kinds: str) -> None:
    """Take the names of KINDS for patched, from here on."""
    switch = module("_seams").assume_patched(*kinds)
    switch.__enter__()
    SWITCHES.append(switch)  # leaving it would undo it


SWITCHES: list[Any] = []


def one_piece() -> None:
    patched("sending")


def block() -> None:
    module("_http1.syntax").plain_head = lambda *_: None


def no_email() -> None:
    patched("receiving")


def lazy_headers() -> None:
    after(module("connection").HTTPConnection, "getresponse", lambda _, answer: answer.headers)


def lazy_response() -> None:
    connection = module("connection").HTTPConnection
    after(connection, "getresponse", lambda _, answer: answer._original_response)


def lazy_message() -> None:
    connection = module("connection").HTTPConnection
    after(connection, "getresponse", lambda _, answer: answer._original_response.msg)


def no_file() -> None:
    module("_http1.receiver").Receiver.take = lambda *_: None


def same_fields() -> None:
    connection = module("connection")
    forget = {"_request_head": connection._NO_REQUEST_YET}
    after(connection.HTTPConnection, "request", lambda self, _: self.__dict__.update(forget))


def key() -> None:
    module("poolmanager")._KeyCache.get = lambda *_: None


def plain_url() -> None:
    url = module("util.url")
    module("poolmanager").parse_url = url._parse_any


def known_url() -> None:
    url = module("util.url")
    url._parse_known = url._parse


def known_target() -> None:
    url, wire = module("util.url"), module("_http1.syntax")
    module("connectionpool")._is_plain_target = url._PLAIN_TARGET.fullmatch
    wire.known_request_line = wire.request_line


def known_head() -> None:
    receiver = module("_http1.receiver").Receiver
    after(receiver, "read_head", lambda self, _: setattr(self, "_head", None))


def known_length() -> None:
    wire = module("_http1.syntax")
    wire._known_length = wire._framed_by_length


def kept_poll() -> None:
    wait, incoming = module("util.wait"), module("_http1.receiver")
    incoming.readable_now = lambda sock: lambda: wait.wait_for_read(sock, 0.0)


def light_queue() -> None:
    import queue

    pool = module("connectionpool").HTTPConnectionPool
    pool.QueueCls = type("Queue", (queue.LifoQueue,), {})


def own_dict() -> None:
    # In place of the built-in one, which makes a copy.
    module("connection").dict = lambda shared: shared


def known_timeout() -> None:
    connection = module("connection")
    connection._Socket = None
    connection._apply_timeout = lambda sock, timeout: sock and sock.settimeout(timeout)


def with_head() -> None:
    module("connection")._SMALL_BODY = -1


def chunk_memo() -> None:
    wire = module("_http1.syntax")
    wire.chunk_size = wire.chunk_size.__wrapped__


def context_memo() -> None:
    tls = module("_network.tls")
    tls.ContextMemo.get = lambda _, policy: tls._build(policy).context


STEPS = {
    step.switch_off.__name__: step
    for step in (
        Step("", "nothing is missing: what a switch itself costs", "tiny", nothing),
        Step("the head of an answer is parsed in one block", "it is, line by line", "api", block),
        Step("… here", "it is, by `http.client` and `email.parser`", "api", no_email),
        Step(
            "header fields are taken apart when looked at", "they are always", "api", lazy_headers
        ),
        Step(
            "the `http.client` response is made when looked at",
            "it is always",
            "api",
            lazy_response,
        ),
        Step("… and so is its `HTTPMessage`", "both are made always", "api", lazy_message),
        Step("a small body is what came with its head", "it is read from a file", "tiny", no_file),
        Step("a request leaves in one piece", "`http.client`'s chain is walked", "tiny", one_piece),
        Step("its fields are decided once", "they are for each request", "tiny", same_fields),
        Step("a small body leaves with its head", "it takes a second `send`", "put2k", with_head),
        Step(
            "an ordinary URL is matched in two parts",
            "it is split, checked and rebuilt",
            "tiny",
            plain_url,
        ),
        Step("and parsed once", "it is each time", "tiny", known_url),
        Step("a target is checked once", "it is twice each time", "tiny", known_target),
        Step("a head that comes again is parsed once", "it is each time", "tiny", known_head),
        Step("a short length is read once", "it is each time", "tiny_ids", known_length),
        Step("the key of a pool is remembered", "it is made of all settings", "tiny", key),
        Step("the pool's queue takes no lock", "it is a `queue.LifoQueue`", "tiny", light_queue),
        Step(
            "a connection's attributes are in a dict of its own",
            "CPython shares their names with others",
            "tiny",
            own_dict,
        ),
        Step("the poll object of a socket is kept", "one is made for each look", "tiny", kept_poll),
        Step("a timeout is set when it changes", "it is for each wait", "tiny", known_timeout),
        Step("a size of chunk is parsed once", "it is each time", "chunked1k", chunk_memo),
        Step(
            "TLS contexts are shared by a manager",
            "each connection has its own",
            "tls_new",
            context_memo,
        ),
    )
}
# Scenario -> two numbers of calls whose instructions are counted, whose difference counts.
CALLS = {"chunked1k": (1, 2), "tls_new": (2, 8)}


def instructions(bench: Any, scenario: str, entrant: Any) -> float:
    """Instructions in user space for each unit."""
    import run

    def count(calls: int, under: Sequence[str] = ()) -> str:
        worker = run.Worker(bench, scenario, entrant, under)
        share = calls / run.SCENARIOS[scenario].count
        return str(worker.process.communicate(f"{share}\n")[1])

    counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    few, many = CALLS.get(scenario, (20, 120))
    count(few)  # everything is compiled then
    totals = [
        int(count(calls, counted).rpartition("Collected :")[2].split()[0]) for calls in (few, many)
    ]
    return (totals[1] - totals[0]) / ((many - few) * run.units(scenario))


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
            if options.instructions:
                counts = {each.label: instructions(bench, scenario, each) for each in entrants}
                every = counts.pop("all steps")
                for name, count in counts.items():
                    print(f"{scenario:10} {every:12,.0f}  {count / every - 1:+7.1%}  {name}")
                more = {name: {"more": round(n / every - 1, 4)} for name, n in counts.items()}
                bench.keep("steps", more)
            else:
                found = bench.measure(scenario, entrants)
                print(run.table(scenario, found), flush=True)
                bench.keep("steps", {name: found[name] for name in steps})


if __name__ == "__main__":
    main()
