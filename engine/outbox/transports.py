"""The transport that the settings name."""

from __future__ import annotations

from engine.model.times import system_clock
from engine.outbox.maildir import MaildirTransport
from engine.outbox.transport import Transport
from engine.settings import Settings


def open_transport(settings: Settings) -> Transport:
    """The transport that `CIS_OUTBOX` names. Raises ValueError with a sentence on what is wrong."""
    url = settings.outbox.get_secret_value().strip()
    if settings.outbox_is_folder:
        return MaildirTransport(settings.data_dir / "outbox")
    if url.startswith(("smtp://", "smtps://")):
        from engine.outbox.smtp.pipelining import PipeliningTransport
        from engine.outbox.target import SmtpTarget

        return PipeliningTransport(SmtpTarget.of(url), settings.domain)
    if url.startswith("ses://"):
        from engine.outbox.ses import SesTarget, SesTransport

        return SesTransport(SesTarget.of(url), settings.domain, system_clock)
    raise ValueError("CIS_OUTBOX must be maildir, smtp://host:port, smtps://host:port or ses://REGION")
