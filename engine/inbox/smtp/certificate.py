"""The certificate under which the SMTP listener offers STARTTLS, read again when its files are renewed."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from engine.settings import Settings

log = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int], ...]


class ServerCertificate:
    """A context for new connections. `context` is None where no certificate is set.

    Raises ValueError if the files cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._files = [name for name in (settings.tls_cert, settings.tls_key) if name]
        self._read = self._stamp()
        try:
            self.context = self._loaded() if self._files else None
        except OSError as error:
            raise ValueError(f"CIS_TLS_CERT, CIS_TLS_KEY: they cannot be used: {error}") from error

    def renew(self) -> None:
        """Load files that have changed into a new context; while they do not fit together, the old one stays."""
        found = self._stamp()
        if not found or found == self._read:
            return
        self._read = found
        try:
            self.context = self._loaded()
        except OSError as error:
            log.warning("the renewed certificate cannot be used (%s); the old one stays", error)
        else:
            log.info("the certificate for STARTTLS was renewed")

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._files)
        return context

    def _stamp(self) -> Stamp:
        """What changes when a file is written or replaced; empty while one is not there."""
        try:
            found = [Path(name).stat() for name in self._files]
        except OSError:
            return ()
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)
