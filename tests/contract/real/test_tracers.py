"""Tracers themselves, where they are installed: spans appear, and trace headers go out.

Each runs in a process of its own, for what it patches stays patched.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import urllib3
from tests.support.scripted import serve

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def traced(program: str, module: str, **variables: str) -> tuple[list[str], dict[str, str]]:
    """What *program* prints, which finds a URL in ``sys.argv[1]``; the fields the server saw.

    :param module: of the tracer; the test is skipped where it is not installed
    """
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # of a package above it
        found = None
    if found is None:
        pytest.skip(f"{module} is not installed")
    environment = {
        **os.environ,
        **variables,
        "PYTHONPATH": str(Path(urllib3.__file__).parent.parent),
    }
    with serve(handler=lambda request: REPLY) as server:
        done = subprocess.run(
            [sys.executable, "-c", program, server.url("/x")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        (request,) = server.requests
    return done.stdout.split(), {name.lower(): value for name, value in request.headers}


OPENTELEMETRY = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
from opentelemetry.util.http.httplib import HttpClientInstrumentor
HttpClientInstrumentor().instrument()
"""
SPAN = """
(span,) = exporter.get_finished_spans()
print(span.name, span.attributes.get("net.peer.ip"))
"""


@pytest.mark.client("opentelemetry")
def test_opentelemetry_traces_urllib3_and_learns_the_address_of_the_peer() -> None:
    program = (
        OPENTELEMETRY
        + """
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
URLLib3Instrumentor().instrument()
import urllib3
urllib3.PoolManager().request("GET", sys.argv[1])
"""
        + SPAN
    )
    printed, fields = traced(program, "opentelemetry.instrumentation.urllib3")
    assert printed == ["GET", "127.0.0.1"]
    assert "traceparent" in fields


@pytest.mark.client("opentelemetry")
def test_opentelemetry_traces_requests() -> None:
    program = (
        OPENTELEMETRY
        + """
from opentelemetry.instrumentation.requests import RequestsInstrumentor
RequestsInstrumentor().instrument()
import requests
requests.get(sys.argv[1])
"""
        + SPAN
    )
    printed, fields = traced(program, "opentelemetry.instrumentation.requests")
    assert printed == ["GET", "127.0.0.1"]
    assert "traceparent" in fields


@pytest.mark.client("ddtrace")
@pytest.mark.parametrize("integration", ["httplib", "urllib3"])
def test_ddtrace_traces_by_either_integration(integration: str) -> None:
    program = f"""
import sys
import ddtrace
from ddtrace import patch
from ddtrace.trace import TraceFilter, tracer
spans = []
class Keep(TraceFilter):
    def process_trace(self, trace):
        spans.extend(span.name for span in trace)
        return None
tracer.configure(trace_processors=[Keep()])
patch({integration}=True, raise_errors=True)
import urllib3
urllib3.PoolManager().request("GET", sys.argv[1])
tracer.shutdown()
print(*spans)
"""
    variables = {
        "DD_TRACE_ENABLED": "true",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_URLLIB3_DISTRIBUTED_TRACING": "true",
    }
    printed, fields = traced(program, "ddtrace", **variables)
    expected = {"httplib": "http.client.request", "urllib3": "urllib3.request"}
    assert printed == [expected[integration]]
    # By the other it adds the fields in http.client's request(), which urllib3 does not call.
    assert ("x-datadog-trace-id" in fields) == (integration == "urllib3")


@pytest.mark.client("newrelic")
def test_newrelic_traces_the_request() -> None:
    program = """
import sys
import newrelic.agent
settings = newrelic.agent.global_settings()
settings.developer_mode = True
settings.app_name, settings.license_key = "x", "0" * 40
newrelic.agent.initialize()
import urllib3
application = newrelic.agent.register_application(timeout=10)
with newrelic.agent.BackgroundTask(application, name="t") as transaction:
    urllib3.PoolManager().request("GET", sys.argv[1])
"""
    _, fields = traced(program, "newrelic", NEW_RELIC_LOG="/dev/null")
    assert "traceparent" in fields


@pytest.mark.client("elastic-apm")
def test_elastic_apm_traces_the_request() -> None:
    program = """
import sys
import elasticapm
client = elasticapm.Client(
    service_name="x", disable_send=True, metrics_interval="0ms", central_config=False,
    cloud_provider=False, log_level="off",
)
elasticapm.instrument()
import urllib3
client.begin_transaction("t")
urllib3.PoolManager().request("GET", sys.argv[1])
transaction = client.end_transaction("t", "ok")
print(transaction._span_counter)
client.close()
"""
    printed, fields = traced(program, "elasticapm")
    assert printed == ["1"]
    assert "traceparent" in fields


@pytest.mark.client("sentry-sdk")
def test_sentry_traces_the_request() -> None:
    program = """
import sys
import sentry_sdk
spans = []
def keep(event, hint):
    spans.extend(span["op"] for span in event["spans"])
sentry_sdk.init(
    dsn="http://key@127.0.0.1:9/1", traces_sample_rate=1.0, before_send_transaction=keep
)
import urllib3
with sentry_sdk.start_transaction(name="t"):
    urllib3.PoolManager().request("GET", sys.argv[1])
print(*spans)
"""
    printed, fields = traced(program, "sentry_sdk")
    assert printed == ["http.client"]
    assert "sentry-trace" in fields


@pytest.mark.client("aws-xray-sdk")
def test_xray_sees_the_answer_and_its_body() -> None:
    # It opens its segment in a step of http.client that urllib3 does not take, and the rest waits.
    program = """
import importlib, sys
from aws_xray_sdk.core import patch
steps = importlib.import_module("aws_xray_sdk.ext.httplib.patch")
for name in ("_xray_traced_http_getresponse", "_xray_traced_http_client_read"):
    def seen(wrapped, instance, args, kwargs, name=name):
        print(name)
        return wrapped(*args, **kwargs)
    setattr(steps, name, seen)
patch(["httplib"])
import urllib3
urllib3.PoolManager().request("GET", sys.argv[1])
"""
    printed, _ = traced(program, "aws_xray_sdk")
    assert printed == ["_xray_traced_http_getresponse", "_xray_traced_http_client_read"]


@pytest.mark.client("boto3")
def test_boto3_close_of_a_streamed_body_reaches_http_client() -> None:
    program = """
import http.client, sys
import boto3
from botocore.config import Config
original, closed = http.client.HTTPResponse.close, []
def close(self):
    closed.append(self.isclosed())
    return original(self)
http.client.HTTPResponse.close = close
client = boto3.client(
    "s3", endpoint_url=sys.argv[1].removesuffix("/x"), region_name="r",
    aws_access_key_id="a", aws_secret_access_key="b",
    config=Config(s3={"addressing_style": "path"}),
)
body = client.get_object(Bucket="bucket", Key="key")["Body"]
body.close()
print(*closed)
"""
    printed, _ = traced(program, "boto3")
    assert printed[0] == "False"  # and once more when it is collected


@pytest.mark.client("httpretty")
def test_httpretty_counts_the_requests_it_counted_before() -> None:
    httpretty = pytest.importorskip("httpretty", reason="httpretty is not installed")
    with httpretty.enabled():
        httpretty.register_uri(httpretty.POST, "http://api.test/x", body="ok")
        with urllib3.PoolManager() as manager:
            response = manager.request("POST", "http://api.test/x", body=b"abc")
        assert response.data == b"ok"
        assert httpretty.last_request().body == b"abc"
        # It takes each send for one; urllib3 2.8.0 sends head and body apart.
        assert len(httpretty.latest_requests()) == 2
