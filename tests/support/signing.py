"""Mails signed with DKIM, well and badly, and the key records that go with them."""

from __future__ import annotations

import base64
from email import policy
from email.message import EmailMessage
from functools import lru_cache
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from tests.support.names import NameServer

SELECTOR = "s1"
HEADERS = ("from", "to", "subject", "message-id", "sender")


@lru_cache(maxsize=4)
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


@lru_cache(maxsize=4)
def _pem(bits: int) -> bytes:
    return key(bits).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def record(bits: int = 2048) -> str:
    """The TXT record of our key."""
    der = (
        key(bits)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def publish(
    names: NameServer, domain: str, *, policy_record: str = "v=DMARC1; p=reject", selector: str = SELECTOR
) -> None:
    """Our key for `domain`, and its DMARC record, where it has one."""
    names.txt(f"{selector}._domainkey.{domain}", record())
    if policy_record:
        names.txt(f"_dmarc.{domain}", policy_record)


class _Signer(dkim.DKIM):  # type: ignore[misc]
    """dkimpy's signer, with tags that it does not write by itself."""

    more: tuple[tuple[bytes, bytes], ...] = ()
    bits = 2048

    def gen_header(self, fields: Any, *rest: Any, **options: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            # dkimpy would break long values into lines in their midst
            patch.setattr(dkim, "fold", lambda header, **_: header)
            # and signs with Python's own numbers, which takes twenty times as long
            patch.setattr(dkim, "RSASSA_PKCS1_v1_5_sign", lambda hashed, _: _signature(self.bits, hashed))
            return super().gen_header([*fields[:-1], *self.more, fields[-1]], *rest, **options)


def _signature(bits: int, hashed: Any) -> bytes:
    algorithm = hashes.SHA256() if len(hashed.digest()) == 32 else hashes.SHA1()
    return key(bits).sign(hashed.digest(), padding.PKCS1v15(), utils.Prehashed(algorithm))


def signed(
    mail: EmailMessage | bytes,
    domain: str,
    *,
    headers: tuple[str, ...] = HEADERS,
    tags: tuple[tuple[bytes, bytes], ...] = (),
    length: bool = False,
    algorithm: bytes = b"rsa-sha256",
    relaxed: bool = True,
    bits: int = 2048,
    selector: str = SELECTOR,
    identity: str = "",
) -> bytes:
    """The mail with a signature of `domain` on top; `length`: with l=, so that more can be added below."""
    raw = mail if isinstance(mail, bytes) else mail.as_bytes(policy=policy.SMTP)
    signer = _Signer(raw, signature_algorithm=algorithm)
    signer.more, signer.bits = tags, bits
    line: bytes = signer.sign(
        selector.encode(),
        domain.encode(),
        _pem(bits),
        canonicalize=(b"relaxed", b"relaxed") if relaxed else (b"simple", b"simple"),
        include_headers=[name.encode() for name in headers],
        length=length,
        identity=identity.encode() or None,
    )
    return line + raw
