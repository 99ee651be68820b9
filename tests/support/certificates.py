"""A certificate authority and what it has signed, created for each test session.

Make the fixture known to a folder of tests by importing it in its ``conftest.py``.
"""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

try:
    import trustme
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
except ImportError:
    HAS_TRUSTME = False  # no wheel for this Python: tests over TLS are skipped
else:
    HAS_TRUSTME = True

PASSWORD = "pw"


@dataclass(frozen=True)
class Identity:
    """A certificate with its key."""

    path: str  # PEM: key and chain in one file
    certificate: str  # PEM: the chain alone
    key: str  # PEM: the key alone
    der: bytes

    def server_context(self, client_ca: str | None = None) -> ssl.SSLContext:
        """A server that shows this certificate, and with *client_ca* asks for one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        context.set_alpn_protocols(["http/1.1"])
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


@dataclass(frozen=True)
class Certificates:
    """Names as in the table of outcomes: A, E, I, N, and the client's."""

    ca: str  # path of the authority's certificate
    ca_pem: str
    ca_der: bytes
    localhost: Identity  # DNS localhost
    example: Identity  # DNS example.com, *.wild.example
    addresses: Identity  # IP 127.0.0.1, ::1
    self_signed: Identity  # common name localhost, no alternative name
    client: Identity
    client_key_encrypted: str  # path, PKCS#8
    client_key_encrypted_traditional: str


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make(tmp_path_factory.mktemp("certificates"))


def make(folder: Path) -> Certificates:
    if not HAS_TRUSTME:
        pytest.skip("trustme, or the cryptography that it needs, is not installed")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    client = issue(authority, folder / "client", "client@example.com")
    key = serialization.load_pem_private_key(Path(client.key).read_bytes(), None)
    encrypted = {}
    for layout in ("PKCS8", "TraditionalOpenSSL"):
        path = folder / f"client-{layout}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                getattr(serialization.PrivateFormat, layout),
                serialization.BestAvailableEncryption(PASSWORD.encode()),
            )
        )
        encrypted[layout] = str(path)
    pem = authority.cert_pem.bytes()
    return Certificates(
        ca=str(folder / "ca.pem"),
        ca_pem=pem.decode(),
        ca_der=ssl.PEM_cert_to_DER_cert(pem.decode()),
        localhost=issue(authority, folder / "localhost", "localhost"),
        example=issue(authority, folder / "example", "example.com", "*.wild.example"),
        addresses=issue(authority, folder / "addresses", "127.0.0.1", "::1"),
        self_signed=self_signed(folder / "self-signed"),
        client=client,
        client_key_encrypted=encrypted["PKCS8"],
        client_key_encrypted_traditional=encrypted["TraditionalOpenSSL"],
    )


def issue(authority: trustme.CA, folder: Path, *names: str) -> Identity:
    leaf = authority.issue_cert(*names)
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    return write(folder, leaf.private_key_pem.bytes(), chain)


def self_signed(folder: Path) -> Identity:
    """As in the old days: the name of the host is the common name, and nowhere else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return write(folder, key_pem, certificate.public_bytes(serialization.Encoding.PEM))


def write(folder: Path, key: bytes, chain: bytes) -> Identity:
    folder.mkdir()
    for name, content in (("key", key), ("certificate", chain), ("both", key + chain)):
        (folder / f"{name}.pem").write_bytes(content)
    first = chain.decode().partition("-----END CERTIFICATE-----")
    return Identity(
        path=str(folder / "both.pem"),
        certificate=str(folder / "certificate.pem"),
        key=str(folder / "key.pem"),
        der=ssl.PEM_cert_to_DER_cert("".join(first[:2])),
    )
