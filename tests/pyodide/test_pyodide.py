"""Requests from Python in Node.js and in a browser.

The cases are functions of ``inside.py``, each run in every environment it names; here stands what
they cover, and that all of them held.
"""

from __future__ import annotations

import pytest

case = pytest.param

# Loading Pyodide takes a while, and the first test of each runtime waits for all the cases.
pytestmark = pytest.mark.timeout(300)

EVERYWHERE = [
    case("importing_needs_no_sockets_no_ssl_and_none_of_the_dependencies"),
    case("importing_puts_our_connections_everywhere"),
    case("the_environment_is_recognised"),
    case("a_connection_has_what_pools_ask_for"),
    case("a_secure_connection_accepts_every_tls_option_and_uses_none"),
    case("without_a_request_there_is_no_response"),
    case("a_request_writes_header_names_in_one_way"),
    case("a_response_knows_what_was_announced"),
    case("a_response_reads_as_a_file"),
    case("a_get_brings_status_headers_and_body"),
    case("every_value_of_a_header_is_sent_and_none_that_was_to_be_left_out"),
    case("headers_of_a_client_that_frames_its_bodies_do_no_harm"),
    case("every_kind_of_body_is_sent"),
    case("without_a_worker_there_is_none_to_wait_for"),
    case("an_error_status_is_an_answer"),
    case("head_has_headers_and_no_body"),
    case("the_runtime_undoes_content_codings"),
    case("every_byte_arrives_as_it_was"),
    case("a_pool_serves_many_requests_and_gets_its_connection_back"),
    case("a_redirect_is_followed"),
    case("a_post_becomes_a_get_by_303_and_stays_by_307"),
    case("a_stream_brings_each_piece_as_it_comes"),
    case("read_fills_up_to_what_was_asked_for"),
    case("a_large_stream_is_whole"),
    case("a_stream_can_be_given_up"),
    case("a_network_failure_is_an_aborted_connection"),
    case(
        "an_answer_that_takes_too_long_is_a_timeout",
    ),
    case("a_body_that_takes_too_long_is_a_timeout"),
    case("a_body_that_breaks_off_is_an_error_of_http"),
    case("a_connection_can_be_used_by_hand"),
]
IN_NODE = [
    *EVERYWHERE,
    case("in_node_without_jspi_the_error_says_what_to_do"),
    case("node_keeps_every_cookie_and_sends_our_user_agent"),
    case("in_node_a_redirect_is_not_followed_against_the_callers_will"),
]
IN_CHROMIUM = [
    *EVERYWHERE,
    case("a_browser_names_itself"),
    case(
        "before_the_worker_runs_the_body_comes_at_once_and_the_console_says_why",
    ),
    case(
        "where_nothing_streams_the_body_comes_at_once_and_the_console_says_why",
    ),
    case(
        "in_the_pages_thread_a_timeout_is_not_kept_and_the_console_says_so_once",
    ),
]


@pytest.mark.parametrize("name", IN_NODE)
def test_in_node(name, node):
    assert_held(name, node)


@pytest.mark.parametrize("name", IN_CHROMIUM)
def test_in_chromium(name, chromium):
    assert_held(name, chromium)


def test_no_case_runs_unseen_in_node(node):
    assert names(node) == {row.values[0] for row in IN_NODE}


def test_no_case_runs_unseen_in_chromium(chromium):
    assert names(chromium) == {row.values[0] for row in IN_CHROMIUM}


def names(outcomes):
    return set().union(*outcomes.values())


def assert_held(name, outcomes):
    seen = {environment: cases[name] for environment, cases in outcomes.items() if name in cases}
    assert seen, f"no environment ran {name}"
    for environment, trouble in seen.items():
        assert not trouble, f"in {environment}: {trouble}"
