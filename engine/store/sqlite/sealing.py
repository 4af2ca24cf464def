"""Seals secrets in the database with a key in a separate file, so that a copied database reveals none.

SQL calls `seal(text, id)` and `opened(sealed, id)`; a secret sealed for one row cannot be opened in another.
`cryptography` is imported with the first secret, so that a server without secrets does not need it.
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
"""The random bytes before each text (NIST SP 800-38D, 8.2.2)."""


class Sealer:
    """Seals texts with AES-256-GCM, with the key in the file beside the database, created with the first secret."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    @cached_property
    def _box(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(secret_in(self._path))

    def seal(self, text: str | None, about: str) -> str:
        """`text` sealed, readable only by `opened` with the same `about`; empty for none. Raises OSError, Refused."""
        if not text:
            return ""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._box.encrypt(nonce, text.encode(), about.encode())).decode()

    def opened(self, sealed: str | None, about: str) -> str:
        """The text that was sealed; empty for none, or if the key is another one, which is logged."""
        if not sealed:
            return ""
        from cryptography.exceptions import InvalidTag

        blob = base64.b64decode(sealed)
        try:
            return self._box.decrypt(blob[:_NONCE], blob[_NONCE:], about.encode()).decode()
        except (InvalidTag, OSError, Refused):
            # An empty secret proves and signs nothing.
            log.error("a secret does not open with %s: restore that file, or set it anew", self._path)  # noqa: TRY400
            return ""


def register(connection: sqlite3.Connection, folder: Path) -> None:
    """Add the SQL functions `seal` and `opened` to `connection`."""
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
"""Seals existing secrets; SQLite overwrites the plain texts as it reuses their pages."""
