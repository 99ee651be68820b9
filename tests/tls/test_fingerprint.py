"""Certificates pinned by their fingerprint."""

from __future__ import annotations

import binascii
import hashlib

import pytest

from urllib3.exceptions import SSLError
from urllib3.util import assert_fingerprint, ssl_

CERT = b"any bytes will do"
DIGESTS = [getattr(hashlib, name)(CERT).hexdigest() for name in ("md5", "sha1", "sha256")]


def with_colons(digest):
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


@pytest.mark.parametrize("digest", DIGESTS, ids=len)
@pytest.mark.parametrize("spelling", [str, str.upper, with_colons])
def test_the_right_fingerprint_passes_in_any_spelling(digest, spelling):
    assert assert_fingerprint(CERT, spelling(digest)) is None


@pytest.mark.parametrize(
    ("cert", "fingerprint", "text"),
    [
        (None, "aabb", "No certificate for the peer."),
        (CERT, "AA:BB", "Fingerprint of invalid length: aabb"),
        (CERT, "", "Fingerprint of invalid length: "),
        (
            CERT,
            "AA:" * 31 + "AA",
            f'Fingerprints did not match. Expected "{"aa" * 32}", got "{DIGESTS[2]}"',
        ),
    ],
)
def test_any_other_is_refused(cert, fingerprint, text):
    with pytest.raises(SSLError) as error:
        assert_fingerprint(cert, fingerprint)
    assert str(error.value) == text


def test_what_is_not_hexadecimal_is_refused_with_its_cause():
    with pytest.raises(SSLError) as error:
        assert_fingerprint(CERT, "xy" * 16)
    assert str(error.value) == "Non-hexadecimal digit found"
    assert isinstance(error.value.__cause__, binascii.Error)
    assert error.value.args == (error.value.__cause__,)


def test_a_hash_function_that_python_lacks_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(ssl_, "HASHFUNC_MAP", {32: None})
    with pytest.raises(SSLError) as error:
        assert_fingerprint(CERT, "aa" * 16)
    assert str(error.value) == "Hash function implementation unavailable for fingerprint length: 32"


def test_the_map_of_hash_functions_goes_by_the_number_of_digits():
    assert {size: function().name for size, function in ssl_.HASHFUNC_MAP.items()} == {
        32: "md5",
        40: "sha1",
        64: "sha256",
    }


def test_a_hash_function_that_hashlib_lacks_is_said_to_be_missing(monkeypatch):
    monkeypatch.delattr(hashlib, "md5")
    with pytest.raises(SSLError, match="unavailable for fingerprint length: 32"):
        assert_fingerprint(CERT, "aa" * 16)
