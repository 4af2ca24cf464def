"""What fuzzing starts from: our own sample mails, and their calendars and packings."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from engine.mail.incoming.read import read
from tests.support import reports, tnef

MAILS = Path(__file__).parents[1] / "fixtures" / "mail"


def mails() -> list[bytes]:
    """Sample mails of today's clients, and what is packed in some."""
    files = [path.read_bytes() for path in sorted(MAILS.glob("*.eml"))]
    report = reports.multipart_report("rsvp@cis.test", "delivery-status", reports.failed("ann@example.com"))
    notice = reports.by_sns(
        reports.ses_bounce({"source": "rsvp@cis.test"}, "ann@example.com"), "rsvp@cis.test"
    )
    return [*files, report, notice, tnef.tnef(tnef.REQUEST, tnef.meeting())]


def calendars() -> list[bytes]:
    """The calendars of the sample mails."""
    files = (read(path.read_bytes()) for path in sorted(MAILS.glob("*.eml")))
    return [part.content for mail in files for part in mail.calendars]


def lists() -> list[bytes]:
    """A list, a table of commands, addresses alone, and a zip of them."""
    texts = [
        b'email,name,seat\nann@example.com,"Doe, Ann",12\n',
        b"sep=;\naction;key;summary;date;start\nCREATE;1;Board;2027-05-02;19:00\n",
        b"Ann <ann@example.com>\nbob@example.com\n",
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, text in enumerate(texts):
            archive.writestr(zipfile.ZipInfo(f"{number}.csv"), text)
    return [*texts, packed.getvalue(), *calendars()]
