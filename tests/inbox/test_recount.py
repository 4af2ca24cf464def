"""The recount of the raw mails on disk."""

from __future__ import annotations

from engine.inbox.intake import recount
from tests.support import mails
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
