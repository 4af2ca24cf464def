"""One mail to several of our mailboxes, or one in hand: each part of it is let through once, and none is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest

from engine.commands.operators.registration import RegisterOrganizer
from engine.inbox.contents.readers import Readers
from engine.inbox.forgetting import forget
from engine.inbox.intake.router import Router
from engine.inbox.quarantine import Quarantine
from engine.inbox.routes.confirm import by_page, look_again
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.model.events import Event, EventStatus
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.inbox.test_confirm import code_in
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, engine_in, invite
from tests.support.inboxes import Post, inbox_of, receiving
from tests.support.mails import vevent
from tests.support.waiting import eventually

OLGA, ANN = "olga@cis.test", "ann@elsewhere.example"
PUBLIC = "https://cis.example.org"
BOTH = ("create@cis.test", "bulk@cis.test")


@asynccontextmanager
async def server(folder: Path, clock: Clock, **settings: object) -> AsyncIterator[Post]:
    common = {"authserv_ids": mails.OPERATOR_SERVER, "public_url": PUBLIC}
    async with engine_in(folder, clock, **{**common, **settings}) as engine, receiving(engine) as post:
        yield post


Served = Callable[..., AbstractAsyncContextManager[Post]]


@pytest.fixture
def served(tmp_path: Path, clock: Clock) -> Served:
    return partial(server, tmp_path, clock)


def with_list(to_invite: str, sender: str, *, proven: bool) -> EmailMessage:
    """A new event, and a list for one that is there already."""
    event = vevent("second", summary="Second", organizer=sender)
    mail = mails.request(event, sender=sender, proven=proven)
    mail.replace_header("To", ", ".join(BOTH))
    mail.make_mixed()
    mail.add_attachment(
        f"uid,email\n{to_invite},guest@example.org\n".encode(),
        maintype="text",
        subtype="csv",
        filename="list.csv",
    )
    return mail


async def titles(post: Post) -> list[str]:
    return sorted(event.summary for event in (await post.engine.store.search(EventQuery())).events)


async def settled(post: Post) -> None:
    await eventually(lambda: not post.files("new"))


async def guests(post: Post) -> list[str]:
    return [message.email for message in await deliver(post.engine) if message.email == "guest@example.org"]


async def known(post: Post) -> Event:
    """An event of Olga's by mail, of which she has heard."""
    made = await post(mails.request())
    await deliver(post.engine)
    event = await post.engine.store.event(made.uid)
    assert event
    return event


async def test_a_mail_to_two_mailboxes_is_carried_out_at_both_once_its_sender_is_registered(
    served: Served,
) -> None:
    async with served(registration="approve") as post:
        event = await created(post.engine, organizer=ANN)
        await post(with_list(event.uid, ANN, proven=True), *BOTH)
        await do(post.engine, RegisterOrganizer(address=ANN))
        assert len(await look_again(post.engine)) == 2
        await settled(post)
        assert "Second" in await titles(post)
        assert await guests(post) == ["guest@example.org"]
        assert post.files("quarantine") == []
        assert await look_again(post.engine) == []


async def test_a_mail_to_two_mailboxes_is_carried_out_at_both_once_its_owner_confirms_it(
    served: Served,
) -> None:
    async with served(organizers="*") as post:
        event = await known(post)
        await post(with_list(event.uid, OLGA, proven=False), *BOTH)
        question = await post.notice()
        assert question.notice
        assert "It creates, changes or cancels events of yours." in question.notice.text
        assert "It invites the people on an attached list." in question.notice.text
        await by_page(post.engine, code_in(question))
        await settled(post)
        assert await titles(post) == ["Season opener", "Second"]
        assert await guests(post) == ["guest@example.org"]
        assert post.files("quarantine") == []


async def test_what_a_question_does_not_name_waits_on_for_the_operator(served: Served) -> None:
    """The word of an attendee on their answer is nobody's word on what the same mail says at create@."""
    async with served(organizers="*") as post:
        event = await known(post)
        await invite(post.engine, event, ANN)
        await deliver(post.engine)
        forged = mails.reply(event.uid, "mallory@example.net", attendee=ANN, proven=False)
        await post(forged, "rsvp@cis.test", "create@cis.test")
        await by_page(post.engine, code_in(await post.notice()))
        await settled(post)
        assert (await attendee(post.engine, event, ANN)).partstat is Partstat.ACCEPTED
        (waits,) = (await Quarantine(post.engine).page()).mails
        assert (waits.mailbox, waits.code) == ("create", "sender_unauthenticated")
        name = await Quarantine(post.engine).release(waits.id, post.engine.local)
        assert len(await post.inbox.handle(name)) == 1
        assert waits.id not in [path.name for path in post.files("quarantine")]


@pytest.mark.parametrize("number", [1, 3])
async def test_a_mail_that_is_still_in_hand_when_its_sender_is_registered_is_carried_out_later(
    tmp_path: Path, clock: Clock, readers: Readers, number: int
) -> None:
    """Its note is there before its file is in quarantine; of several mails at once the files come later still."""
    settings = {"authserv_ids": mails.OPERATOR_SERVER, "registration": "approve"}
    async with engine_in(tmp_path, clock, **settings) as engine, inbox_of(engine) as inbox:
        arrived = [_from_ann(inbox.spool.new_name()) for _ in range(number)]
        assert inbox.spool.store_all(arrived) == [None] * number
        await Router(engine, readers).handle(arrived[0])
        await do(engine, RegisterOrganizer(address=ANN))
        assert await look_again(engine) == []
        inbox.spool.quarantine(arrived[0].envelope.id)
        (again,) = await look_again(engine)
        assert [outcome.action for outcome in await inbox.handle(again)] == ["created"]
        assert await look_again(engine) == []


def _from_ann(name: str) -> Spooled:
    envelope = ReceivedEnvelope(id=name, mailboxes=(OwnMailbox(name="create"),), sender=ANN)
    return Spooled(envelope=envelope, raw=mails.request(sender=ANN).as_bytes())


async def test_what_is_gone_for_want_of_room_is_looked_for_no_longer_than_an_hour(served: Served) -> None:
    async with served(registration="approve") as post:
        await post(mails.request(sender=ANN))
        post.files("quarantine")[0].unlink()
        await do(post.engine, RegisterOrganizer(address=ANN))
        assert await look_again(post.engine) == []
        assert len(await post.engine.store.registrations(ANN, 10)) == 1
        post.engine.clock.move(hours=2)
        assert await look_again(post.engine) == []
        assert await post.engine.store.registrations(ANN, 10) == []


@pytest.mark.parametrize("decision", ["drop", "release"])
async def test_what_the_operator_has_decided_is_not_carried_out_by_the_word_of_its_owner(
    served: Served, decision: str
) -> None:
    async with served(organizers="*") as post:
        event = await known(post)
        await post(mails.cancel(proven=False))
        code = code_in(await post.notice())
        (waits,) = (await Quarantine(post.engine).page()).mails
        await getattr(Quarantine(post.engine), decision)(waits.id, post.engine.local)
        with pytest.raises(Refused) as refused:
            await by_page(post.engine, code)
        assert refused.value.code is Code.CONFIRM_TOKEN_INVALID
        assert "confirmed" not in str(refused.value)
        stands = await post.engine.store.event(event.uid)
        assert stands
        assert stands.status is EventStatus.CONFIRMED


async def test_who_was_asked_to_register_still_may_when_the_operator_drops_the_mail_that_asked(
    served: Served,
) -> None:
    async with served(registration="open") as post:
        await post(mails.request(vevent("one", summary="One"), sender=ANN))
        code = code_in(await post.notice())
        await post(mails.request(vevent("two", summary="Two"), sender=ANN))
        first = (await Quarantine(post.engine).page()).mails[-1]
        await Quarantine(post.engine).drop(first.id, post.engine.local)
        await by_page(post.engine, code)
        await settled(post)
        assert await titles(post) == ["Two"]


async def test_who_waits_for_a_registration_is_not_listed_for_a_mail_that_was_dropped(served: Served) -> None:
    async with served(registration="approve") as post:
        await post(mails.request(sender=ANN))
        (waits,) = (await Quarantine(post.engine).page()).mails
        await Quarantine(post.engine).drop(waits.id, post.engine.local)
        assert await post.engine.store.registrations(None, 10) == []


async def test_a_mail_that_is_taken_in_again_stays_in_no_journal_and_whom_it_names_can_be_forgotten(
    served: Served,
) -> None:
    async with served(registration="approve") as post:
        guest = "guest@example.org"
        await post(mails.request(vevent(attendees=[(guest, "NEEDS-ACTION")]), sender=ANN))
        await do(post.engine, RegisterOrganizer(address=ANN))
        assert len(await look_again(post.engine)) == 1
        await settled(post)
        post.inbox.spool.settle(written_back_s=0)
        assert post.files("journal") == []
        assert (await forget(post.engine, guest, post.engine.local)).mails == 2
