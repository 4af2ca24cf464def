"""Signed heads of the record: C2SP signed notes, with the installation's Ed25519 key.

`cryptography` is imported when a note is signed or opened, which a server does not do at startup.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model.record import Head, moment
from engine.process.secret_file import secret_in
from engine.refusals import Code, Refused
from engine.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "record.key"
_ED25519 = b"\x01"
_ID_BYTES = 4
_NOTE_MAX = 1_000_000
"""The most characters of a text with a note, such as a mail."""
_NOTE = re.compile(
    r"^(?P<origin>[^\s+]+/record)\n(?P<seq>\d{1,18})\n(?P<head>[A-Za-z0-9+/]{43}=)\n(?P<at>[0-9TZ:.+-]{20,32})\n"
    r"\n(?:— [^\s+]+ [A-Za-z0-9+/=]+\n?)+",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"^— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/=]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head of the record, and when it was signed by the signer's clock."""

    head: Head
    at: str
    note: str


class HeadSigner:
    """Signs heads with the key in the data folder, which is created when first needed."""

    def __init__(self, folder: Path, domain: str) -> None:
        self.name = f"{domain}/record"
        self._path = folder / KEY_FILE

    @classmethod
    def of(cls, settings: Settings) -> HeadSigner:
        return cls(settings.data_dir, settings.domain)

    @cached_property
    def _secret(self) -> bytes:
        return secret_in(self._path)

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._secret)

    def sign(self, signed: bytes) -> bytes:
        """The signature of `signed`, 64 bytes. Raises OSError, Refused: INVALID_ARGUMENT."""
        return self._private.sign(signed)

    @cached_property
    def public(self) -> bytes:
        """The public key, 32 bytes. Raises OSError, Refused: INVALID_ARGUMENT."""
        return self._private.public_key().public_bytes_raw()

    @property
    def verifier(self) -> str:
        """The public key in the form of C2SP signed-note: name, id and key."""
        return verifier(self.name, self.public)

    def note(self, head: Head, at: datetime) -> str:
        """The signed note of `head`."""
        text = f"{self.name}\n{head.seq}\n{_base64(head.head)}\n{moment(at)}\n"
        signature = self.sign(text.encode())
        return f"{text}\n— {self.name} {_base64(_key_id(self.name, self.public) + signature)}\n"

    def published(self) -> dict[str, object]:
        """The content of `/.well-known/cis-keys`: the public key as a JWK, with its name and its one-line form."""
        x = base64.urlsafe_b64encode(self.public).rstrip(b"=").decode()
        key = {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "kid": _key_id(self.name, self.public).hex(),
            "x": x,
        }
        return {"keys": [{**key, "name": self.name, "vkey": self.verifier}]}


def verifier(name: str, public: bytes) -> str:
    """A public key in one line: name, id and key."""
    return f"{name}+{_key_id(name, public).hex()}+{_base64(_ED25519 + public)}"


def opened(text: str, key: str) -> SignedHead:
    """The head in the first signed note in `text`, such as a mail, if `key` (`HeadSigner.verifier`) signed it.

    Raises Refused: INVALID_ARGUMENT.
    """
    plain = text[:_NOTE_MAX].replace("\r\n", "\n")
    found = _NOTE.search(plain)
    if found is None:
        raise Refused(Code.INVALID_ARGUMENT, "That text contains no signed head of a record.")
    note = found.group()
    signed, _, signatures = note.partition("\n\n")
    if not _signed(f"{signed}\n", signatures, *_key(key)):
        raise Refused(Code.INVALID_ARGUMENT, "That head was not signed with this key.")
    head = Head(int(found["seq"]), base64.b64decode(found["head"]))
    return SignedHead(head, found["at"], note)


def _signed(text: str, signatures: str, name: str, public: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for line in _SIGNATURE.finditer(signatures):
        try:
            blob = base64.b64decode(line["signature"], validate=True)
            if line["name"] == name and blob[:_ID_BYTES] == _key_id(name, public):
                Ed25519PublicKey.from_public_bytes(public).verify(blob[_ID_BYTES:], text.encode())
                return True
        except (binascii.Error, InvalidSignature):
            continue
    return False


def _key(line: str) -> tuple[str, bytes]:
    """Name and key of a verifier line. Raises Refused: INVALID_ARGUMENT."""
    name, _, rest = line.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        blob = b""
    public = blob[1:]
    if blob[:1] != _ED25519 or len(public) != 32 or _key_id(name, public).hex() != key_id:
        raise Refused(
            Code.INVALID_ARGUMENT, "That is not the key of a record: it must be name+id+key in one line."
        )
    return name, public


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + _ED25519 + public).digest()[:_ID_BYTES]


def _base64(blob: bytes) -> str:
    return base64.b64encode(blob).decode()
