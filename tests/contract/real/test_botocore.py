"""botocore itself, where it is installed, against a loopback server that answers like S3."""

from __future__ import annotations

import pytest

from tests.support.scripted import serve

pytest.importorskip("botocore", reason="botocore is not installed")

pytestmark = pytest.mark.client("botocore")


def test_an_object_is_put_and_got():
    import botocore.session
    from botocore.config import Config

    store = {}

    def answer(request):
        method, path, _ = request.line.split()
        if method == "PUT":
            store[path.partition("?")[0]] = request.body
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        body = store[path.partition("?")[0]]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    with serve(handler=answer) as server:
        client = botocore.session.get_session().create_client(
            "s3",
            region_name="eu-west-1",
            endpoint_url=server.url("").rstrip("/"),
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, proxies={}),
        )
        client.put_object(Bucket="bucket", Key="key", Body=b"hello")
        body = client.get_object(Bucket="bucket", Key="key")["Body"]
        body.set_socket_timeout(5)
        assert b"hello" in body.read()
        client.close()
