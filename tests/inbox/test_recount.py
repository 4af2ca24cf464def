"""The recount of the raw mails on disk."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from engine.inbox.intake import recount
from tests.support import mails
from tests.support.engines import created
from tests.support.inboxes import Post


async def test_every_mail_that_was_handled_has_a_line_that_says_what_became_of_it(post: Post) -> None:
    await post(mails.request())
    await post(mails.request(sender="stranger@elsewhere.example"))
    assert len(post.files("done")) == 1
    assert await recount.differences(post.engine) == []


async def test_a_mail_that_was_put_away_unhandled_is_found(post: Post) -> None:
    await post(mails.request())
    (post.folder / "done" / "1700000000.1_1").write_bytes(mails.request().as_bytes())
    (difference,) = await recount.differences(post.engine)
    assert difference.startswith("inbox/done/1700000000.1_1: ")


def _table() -> EmailMessage:
    made = mails.mail("olga@cis.test", "create@cis.test", subject="Season")
    row = b"action,key,summary,date,start,end,timezone\r\nCREATE,k,Game,2027-05-01,19:00,21:30,UTC\r\n"
    made.add_attachment(row, maintype="text", subtype="csv", filename="season.csv")
    return made


@pytest.mark.parametrize("kind", ["event", "table", "list", "command"])
async def test_a_mail_that_comes_a_second_time_has_a_line_of_its_own(post: Post, kind: str) -> None:
    event = await created(post.engine, organizer="olga@cis.test")
    made = {
        "event": mails.request(),
        "table": _table(),
        "list": mails.listed(f"uid,email\r\n{event.uid},ann@example.com\r\n"),
        "command": mails.mail("olga@cis.test", "create@cis.test", subject="Help"),
    }[kind]
    await post(made)
    await post(made)
    assert len(post.files("done")) + len(post.files("quarantine")) == 2
    assert await recount.differences(post.engine) == []
