"""S/MIME mails as mail programs sign them, made with `cryptography`."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID


@cache
def _identity() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "joe@example.org")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return key, builder.sign(key, hashes.SHA256())


def signed(content: bytes) -> bytes:
    """CMS signed data that wraps `content`, as DER."""
    key, certificate = _identity()
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def detached(content: bytes) -> bytes:
    """CMS signed data without its content."""
    key, certificate = _identity()
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature]
    return builder.sign(Encoding.DER, options)


def encrypted(content: bytes) -> bytes:
    """CMS enveloped data."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content).add_recipient(_identity()[1])
    return builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def streamed(content: bytes, piece: int = 100) -> bytes:
    """Signed data as Outlook streams it: lengths left open, the content in pieces (BER)."""
    pieces = [content[i : i + piece] for i in range(0, len(content), piece)]
    octets = _open(0x24, b"".join(_closed(0x04, p) for p in pieces))
    data_oid, signed_oid = (bytes.fromhex(f"06092a864886f70d0107{n}") for n in ("01", "02"))
    encapsulated = _open(0x30, data_oid + _open(0xA0, octets))
    body = _closed(0x02, b"\x01") + _closed(0x31, b"") + encapsulated + _closed(0x31, b"")
    return _open(0x30, signed_oid + _open(0xA0, _open(0x30, body)))


def _open(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80]) + content + b"\0\0"


def _closed(tag: int, content: bytes) -> bytes:
    size = len(content)
    head = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + head + content


def mail(cms: bytes, kind: str = "application/pkcs7-mime; smime-type=signed-data") -> bytes:
    """A mail that is one CMS message."""
    lines = [
        *("From: Joe <joe@example.org>", "To: create@cis.test", "MIME-Version: 1.0"),
        *(f'Content-Type: {kind}; name="smime.p7m"', "Content-Transfer-Encoding: base64", ""),
    ]
    return "\r\n".join(lines).encode() + b"\r\n" + base64.encodebytes(cms)
