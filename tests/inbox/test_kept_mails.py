"""How long handled mails are kept: the mail that made or changed an event stays until long after its end."""

from __future__ import annotations

from engine.inbox.spool import cleaning
from tests.support import mails
from tests.support.inboxes import Post

_DAY = 86_400.0


async def test_the_mail_of_an_event_is_kept_until_long_after_its_end(post: Post) -> None:
    intake = await post(mails.request())
    assert intake.action == "created"
    event = await post.engine.event(intake.uid, post.engine.local)
    assert event.ends_at is not None
    end = event.ends_at.timestamp()
    (made,) = post.files("done")
    assert await cleaning.clean(post.engine, made.stat().st_mtime + 91 * _DAY) == 0
    assert await cleaning.clean(post.engine, end + 89 * _DAY) == 0
    assert post.files("done") == [made]
    assert made.stat().st_mtime == end
    assert await cleaning.clean(post.engine, end + 91 * _DAY) == 1
    assert post.files("done") == []
