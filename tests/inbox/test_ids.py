"""Mail speaks of an event by its uid and by its short id."""

from __future__ import annotations

from tests.support import mails
from tests.support.engines import created, deliver
from tests.support.inboxes import Post


async def test_a_mailed_list_names_its_event_by_id(post: Post) -> None:
    event = await created(post.engine, organizer="olga@cis.test")
    intake = await post(mails.listed(f"uid,email,name\n{event.id.upper()},ann@example.com,Ann\n"))
    assert (intake.action, intake.uid) == ("campaign", event.uid)
    assert "ann@example.com" in {message.email for message in await deliver(post.engine)}


async def test_the_notice_of_a_new_event_says_its_names_and_what_can_be_done_with_it(post: Post) -> None:
    intake = await post(mails.request(mails.vevent()))
    event = await post.engine.event(intake.uid, post.engine.local)
    (notice,) = [message.notice for message in await deliver(post.engine) if message.notice]
    lines = notice.text.splitlines()
    assert f"uid: {event.uid}" in lines
    assert f"id: {event.id}" in lines
    assert "bulk@cis.test" in notice.text
    assert f"with {event.id} in the subject" in notice.text
    assert "No one has been invited yet." in notice.text
