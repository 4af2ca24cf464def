"""Secrets in the database are sealed with a key that lies in a file of its own: a copied database gives none away.

SQL calls `seal(text, id)` and `opened(sealed, id)`; what was sealed for one row opens in no other.
`cryptography` is imported with the first secret: a server that has none needs it not.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sqlite3
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.process.secret_file import secret_in
from engine.refusals import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

FILE = "secrets.key"
_NONCE = 12
"""Bytes of chance before each text (NIST SP 800-38D, 8.2.2)."""


class Sealer:
    """Seals texts with AES-256-GCM, by the key in the file beside the database; the first secret makes it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    @cached_property
    def _box(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(secret_in(self._path))

    def seal(self, text: str | None, about: str) -> str:
        """`text` so that only `opened` with the same `about` reads it; empty for none. Raises OSError, Refused."""
        if not text:
            return ""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._box.encrypt(nonce, text.encode(), about.encode())).decode()

    def opened(self, sealed: str | None, about: str) -> str:
        """What was sealed; empty for none, and where the key is not the one it was sealed with, which is logged."""
        if not sealed:
            return ""
        from cryptography.exceptions import InvalidTag

        blob = base64.b64decode(sealed)
        try:
            return self._box.decrypt(blob[:_NONCE], blob[_NONCE:], about.encode()).decode()
        except (InvalidTag, OSError, Refused):
            # Whoever needs it has no secret then, which proves and signs nothing.
            log.error("a secret does not open with %s: restore that file, or set it anew", self._path)  # noqa: TRY400
            return ""


def register(connection: sqlite3.Connection, folder: Path) -> None:
    """Let statements of `connection` seal and open."""
    sealer = Sealer(folder)
    connection.create_function("seal", 2, sealer.seal)
    connection.create_function("opened", 2, sealer.opened)


def listed(secrets: tuple[str, ...]) -> str:
    """Secrets as one text; empty for none."""
    return json.dumps(secrets) if secrets else ""


def unlisted(text: str) -> tuple[str, ...]:
    """The secrets that `listed` put into one text."""
    return tuple(json.loads(text)) if text else ()


SEALED = """
ALTER TABLE hook_trigger ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
UPDATE hook_trigger SET sealed = seal(body ->> '$.secrets', id) WHERE json_array_length(body, '$.secrets') > 0;
UPDATE hook_trigger SET body = json_remove(body, '$.secrets');
ALTER TABLE webhook ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
UPDATE webhook SET sealed = seal(body ->> '$.secrets', id) WHERE json_array_length(body, '$.secrets') > 0;
UPDATE webhook SET body = json_remove(body, '$.secrets');
ALTER TABLE link ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
UPDATE link SET sealed = seal(body ->> '$.key', id), body = json_remove(body, '$.key');
"""
"""What lay in clear is sealed; SQLite writes over it as its pages are used again."""
