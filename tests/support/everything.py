"""A store with something of each kind that there is, so that nothing is forgotten where all of it is moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.commands.agents.keys import CreateKey
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.answers import Delegation, InstanceAnswer, Proposal, Receipt
from engine.model.bounds import Bounds
from engine.model.branding import Branding
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaign_links import Vendor
from engine.model.counters import Intake, KeptMail, Prompt
from engine.model.feeds import Feed, FeedEntry
from engine.model.held import OrganizerApproval
from engine.model.messages import Kind, Message, MessageState, Notice
from engine.model.people import Partstat
from engine.model.plans import Redaction
from engine.model.sessions import LINK_LASTS, SignedInAs, SignInLink
from engine.model.stops import Stop
from engine.model.suppressions import Suppression
from engine.model.triggers import TriggerObject
from engine.store.protocol import Unit
from tests.store.test_confirmations import confirmation
from tests.store.test_held import held
from tests.store.test_inbox_messages import _message as inbox_message
from tests.store.test_links import LINK
from tests.store.test_orders import enrolment, purchase
from tests.store.test_pages import PAGE, REQUEST
from tests.store.test_pictures import ONE, THEIRS
from tests.store.test_posted import BODIES, posted
from tests.store.test_sessions import session
from tests.store.test_triggers import delivery, trigger
from tests.store.test_undo import undoable
from tests.store.test_webhooks import outgoing, webhook
from tests.support.engines import answer, claim, control, created, deliver, do, drafted, invite, settle

ANN, BOB = "ann@example.com", "bob@example.com"
DAY = timedelta(days=1)


async def fill(engine: Engine) -> str:
    """Have an installation lived in; the uid of its event, to which Ann said Yes and Bob's mail is in doubt."""
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    await do(engine, UpdateEvent(uid=event.uid, summary="Season opener, again"))
    ann = (await invite(engine, event, ANN)).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    made = await do(engine, CreateKey(name="spring", address=engine.local.address, bounds=Bounds(day=50)))
    actor = engine.local.model_copy(update={"key": made.key.id, "chain": (made.key.id,)})
    await do(engine, UpdateEvent(uid=event.uid, summary="Season opener, for the third time"), actor)
    bob = await invite(engine, event, BOB)
    await settle(engine, await claim(engine), MessageState.DEFERRED, text="451 later", due=engine.clock())
    engine.clock.move(hours=1)  # type: ignore[attr-defined]
    await claim(engine)
    assert bob.attendee.email == BOB
    draft = await drafted(engine, event, [f"p{n}@example.org" for n in range(3)] + ["nobody"])
    await control(engine, draft, CampaignAction.START)
    cursor = (await engine.store.changes(None, None, 1)).cursor
    await engine.store.transact(lambda unit: _more(unit, engine, event.uid, draft.campaign.id, cursor))
    await created(engine, summary="Another one")
    return event.uid


async def _more(unit: Unit, engine: Engine, uid: str, campaign_id: str, cursor: str) -> None:
    now = engine.clock()
    await _said(unit, uid, now)
    await _known(unit, engine.local.address, uid, now)
    await _posted_here(unit, cursor, now)
    await unit.reserve(campaign_id, "", now, _spent())
    await unit.keep_bulk_change(BulkChange(action=BulkAction.HOLD, organizer="eve@example.org"))
    for mail in ("kept", "gone"):
        await unit.keep_mail(
            KeptMail(mail=mail, at=now, size=10, proven=True, share="x", waits=mail == "kept")
        )
    await unit.forget_mails(["gone"], dropped=True)
    await unit.take_in(Intake(id="mail1:create:", at=now, mailbox="create", action="created", uid=uid))
    await unit.remember("a", "k", "digest", uid, now)
    await unit.add_prompt(
        Prompt(kind="confirmation", address=ANN, domain="example.com", organizer="", at=now)
    )


def _spent() -> Any:
    from engine.model.budgets import Spent

    return Spent(mails=0, people=0, changes=0)


async def _said(unit: Unit, uid: str, now: Any) -> None:
    """What people said, and what they are told."""
    event = await unit.event(uid)
    assert event is not None
    instance = event.span.start
    values: Any = {"event_uid": uid, "email": ANN, "sequence": 2, "dtstamp": now, "arrived": now}
    said = InstanceAnswer(recurrence_id=instance, partstat=Partstat.DECLINED, **values)
    await unit.record_receipt(Receipt(**said.model_dump()))
    await unit.save_instance_answer(said)
    await unit.add_proposal(Proposal(id="prop1", comment="Later?", **values))
    await unit.add_delegation(Delegation(event_uid=uid, delegator=ANN, delegate=BOB, at=now, added=True))
    await unit.add_alias(uid, ANN, "ann@home.example")
    await unit.note_automatic_reply(uid, ANN, "Away", now, 5)
    notice = Notice(subject="News", text="Some")
    assert await unit.may_notify(ANN, now, timedelta(minutes=5))
    await unit.gather(ANN, notice, uid, timedelta(minutes=5), 3)
    mail = Message(kind=Kind.NOTICE, email=ANN, organizer=event.organizer, message_id="n1@cis.test", notice=notice,
                   created=now, due=now)  # fmt: skip
    await unit.add_messages([mail], priority=0)


async def _known(unit: Unit, organizer: str, uid: str, now: Any) -> None:
    """What is known of people, organizers and visitors."""
    approval = OrganizerApproval(approver=BOB)
    await unit.set_organizer_approval(organizer, approval)
    await unit.save_feed(Feed(id="feed1", organizer=organizer, name="season.ics"))
    await unit.save_feed_entries("feed1", [FeedEntry("source", uid, "v1")])
    await unit.save_address_list("vips", ["*@example.com"])
    await unit.stop(Stop(organizer="eve@example.org", since=now, stopped_by="local"))
    for entry in (ANN, "example.net"):
        for whose in ("", "eve@example.org"):
            await unit.add_suppressions([Suppression(target=entry, organizer=whose, reason="asked", at=now)])
    await unit.begin_forgetting("carl@example.com", "forgotten-1@forgotten.invalid", now)
    await unit.note_proofs(organizer, ["dkim"], now, sure=True)
    await unit.add_on_trial(organizer, "mail1", 3, now, now - DAY)
    await unit.begin_digest(organizer, now)
    await unit.add_confirmation(confirmation())
    await unit.add_held(held())
    await unit.add_session(session())
    link: Any = {"digest": "d1", "signs_in": SignedInAs.MAILBOX, "address": ANN}
    await unit.add_sign_in(SignInLink(created=now, expires=now + LINK_LASTS, **link))
    await unit.save_inbox_message(inbox_message(1))
    await unit.save_page(PAGE)
    await unit.save_page_request(REQUEST)
    await unit.note_confirmed(organizer, ANN, now)
    for picture in (ONE, THEIRS):
        await unit.save_picture(picture, b"\x89PNG")
    await unit.save_branding(Branding(scope=organizer, title="Ours"))
    await unit.save_link(LINK.model_copy(update={"key": "link-secret"}))
    await unit.count_link(LINK.id, shown=3, pressed=1)
    await unit.note_link_invite(LINK.id, "token")
    await unit.save_landing_hosts(organizer, ["example.com", "example.org"])
    await unit.save_vendor(Vendor(id="postbox", name="postbox", email_tag="((mail))"))
    await unit.save_enrolment(enrolment())
    await unit.add_purchase(purchase())
    await unit.save_redaction(Redaction(address=BOB, asked=now))
    await unit.add_undo(undoable())


async def _posted_here(unit: Unit, cursor: str, now: Any) -> None:
    """Triggers and webhooks, with what came and goes; both have read the log up to the cursor."""
    await unit.add_trigger(trigger(cursor=cursor))
    await unit.count_unproven("id-deals", 2)
    for n, body in enumerate(BODIES):
        name = await unit.add_posted("id-deals", posted(body), now, divided=n > 0)
        await unit.add_deliveries([(delivery(str(n), invited=n), "{}")], name)
    await unit.save_trigger_object("id-deals", TriggerObject(object="deal 1"))
    await unit.add_webhook(webhook(cursor=cursor))
    await unit.add_postings([outgoing("p1", "lane"), outgoing("p2", "lane")])
