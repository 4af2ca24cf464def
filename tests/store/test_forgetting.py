"""The contract of a store: a person is forgotten, and what others rely on stays."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta

from engine.model.answers import Proposal, Receipt
from engine.model.counters import Intake
from engine.model.held import HeldCommand, HeldPreview, HeldState, OrganizerApproval, SampleMail
from engine.model.messages import Kind, MessageState, Notice
from engine.model.people import Partstat
from engine.model.suppressions import Suppression
from engine.model.triggers import TriggerObject
from engine.model.webhooks import PostingState
from engine.refusals import Code
from engine.store import dynamodb
from engine.store.dynamodb import kinds
from engine.store.dynamodb.rows import KindTable
from engine.store.protocol import Store, Unit
from tests.store import stores
from tests.store.stores import ORGANIZER, START
from tests.store.test_held import held
from tests.store.test_links import LINK
from tests.store.test_triggers import delivery, with_deliveries
from tests.store.test_undo import undoable
from tests.store.test_webhooks import outgoing, with_postings

ANN, ALIAS = "ann@example.com", "word@forgotten.invalid"


async def _forget(store: Store, person: str = ANN) -> str | None:
    async def begin(unit: Unit) -> str | None:
        used = await unit.begin_forgetting(person, ALIAS, START)
        if used:
            await unit.withdraw_forgotten(person, START)
        return used

    used = await store.transact(begin)
    traces = await store.traces(person) if used else []
    while traces:
        traces = traces[await store.transact(lambda unit: unit.forget_rows(person, ALIAS, traces, START)) :]  # noqa: B023
    await store.transact(lambda unit: unit.end_forgetting(person))
    return used


async def test_another_address_takes_the_place_of_a_forgotten_one(store: Store) -> None:
    await stores.with_event(store, ANN, "bob@example.com")
    before = await store.statistics("event", "event1")
    assert await _forget(store) == ALIAS
    assert await store.traces(ANN) == []
    assert await store.attendee("event1", ANN) is None
    gone = await store.attendee("event1", ALIAS)
    assert gone is not None
    assert (gone.name, gone.fields) == ("", {})
    assert await store.attendee_by_token(f"token-event1-{ANN}") is None
    assert await store.attendee("event1", "bob@example.com") is not None
    after = await store.statistics("event", "event1")
    assert (after.attendees, after.rsvp) == (before.attendees, before.rsvp)
    assert await store.erase_remains()


async def test_what_they_are_owed_is_withdrawn(store: Store) -> None:
    await stores.with_event(store, ANN)
    async with store.unit() as unit:
        await unit.add_messages([stores.message(ANN)], priority=0)
    assert await _forget(store) == ALIAS
    (message, *_) = [h.message for h in await store.history("event1", ALIAS)]
    assert (message.state, message.code) == (MessageState.WITHDRAWN, Code.FORGOTTEN)


async def test_nobody_is_forgotten_while_a_mail_to_them_is_being_sent(store: Store) -> None:
    await stores.with_event(store, ANN)
    async with store.unit() as unit:
        await unit.add_messages([stores.message(ANN)], priority=0)
    assert await store.claim_messages("owner", 10, lambda: START, 20)
    assert await _forget(store) is None
    assert await store.attendee("event1", ANN) is not None


async def test_a_wish_for_no_more_mail_outlives_its_address(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_suppressions([Suppression(target=ANN, organizer="", reason="complained", at=START)])
    await _forget(store)
    async with store.unit() as unit:
        barred = await unit.barred(ORGANIZER, [ANN, "bob@example.com"])
    assert barred == {ANN: Code.ADDRESS_SUPPRESSED}


async def test_wishes_of_many_organizers_outlive_one_address(store: Store) -> None:
    organizers = [f"organizer{n}@example.org" for n in range(40)]
    for organizer in organizers:
        wish = Suppression(target=ANN, organizer=organizer, reason="unsubscribed", at=START)
        async with store.unit() as unit:
            await unit.add_suppressions([wish])
    assert await _forget(store) == ALIAS
    assert await store.traces(ANN) == []
    async with store.unit() as unit:
        barred = [await unit.barred(organizer, [ANN, "bob@example.com"]) for organizer in organizers]
    assert barred == [{ANN: Code.ADDRESS_SUPPRESSED}] * len(organizers)


async def test_nobody_approves_for_a_forgotten_organizer(store: Store) -> None:
    async with store.unit() as unit:
        await unit.ensure_organizer(ANN, "Ann", START)
        await unit.set_organizer_approval(ANN, OrganizerApproval(approver="boss@example.org"))
    assert await _forget(store) == ALIAS
    async with store.unit() as unit:
        assert await unit.organizer_approval(ANN) is None
        assert await unit.organizer_approval(ALIAS) is None


async def test_an_organizer_of_events_is_known_as_one(store: Store) -> None:
    await stores.with_event(store, ANN)
    async with store.unit() as unit:
        assert await unit.organizes_events(ORGANIZER)
        assert not await unit.organizes_events(ANN)
    assert await store.named_by_others(ANN) == []


async def test_an_interrupted_forgetting_goes_on_with_the_same_alias(store: Store) -> None:
    async def begin(word: str) -> str | None:
        async def work(unit: Unit) -> str | None:
            return await unit.begin_forgetting(ANN, f"{word}@forgotten.invalid", START)

        return await store.transact(work)

    assert await begin("first") == await begin("second") == "first@forgotten.invalid"


async def test_what_a_forgotten_person_is_owed_is_withdrawn_in_parts(store: Store) -> None:
    async with store.unit() as unit:
        most = unit.items_per_unit
    await stores.with_event(store, ANN, sequence=most + 2)
    await stores.owe(store, *(stores.message(ANN, sequence=n) for n in range(1, most)))
    await stores.owe(store, *(stores.message(ANN, sequence=n) for n in range(most, most + 2)))
    withdrawn = []
    while not withdrawn or withdrawn[-1]:
        async with store.unit() as unit:
            withdrawn.append(await unit.withdraw_forgotten(ANN, START))
    assert withdrawn == [most, 2, 0]
    assert await stores.claim(store) == []


async def test_what_a_forgotten_person_said_goes_and_what_others_said_stays(store: Store) -> None:
    await stores.with_event(store)
    people = [stores.attendee(ANN, name="Annabel"), stores.attendee("bob@example.com", name="Bob")]
    async with store.unit() as unit:
        await unit.add_attendees(people)
        await unit.add_messages([stores.message(ANN, note="Dear Annabel")], priority=0)
        for one in people:
            await unit.record_receipt(_receipt(one.email))
    assert await _forget(store) == ALIAS
    assert [r.comment for r in await store.receipts("event1", ALIAS)] == [""]
    assert [r.comment for r in await store.receipts("event1", "bob@example.com")] == ["I bring an orchid"]
    assert [h.message.note for h in await store.history("event1", ALIAS)] == [""]


async def test_what_an_organizer_is_told_of_a_forgotten_person_goes_and_other_news_stay(store: Store) -> None:
    told = [Notice(subject="An answer", text=f"{one} accepted") for one in (f"Annabel ({ANN})", "Bob")]
    async with store.unit() as unit:
        assert await unit.may_notify("olga@example.org", START, timedelta(hours=1))
        for notice in told:
            await unit.gather("olga@example.org", notice, None, timedelta(0), 5)
    assert await _forget(store) == ALIAS
    async with store.unit() as unit:
        waiting, _ = await unit.take_gathered("olga@example.org", START)
    assert [notice.text for notice, _ in waiting] == ["Bob accepted"]


async def _tell(store: Store, text: str, outcomes: str = "") -> None:
    notice = Notice(subject="News", text=text, outcomes=outcomes)
    values = {"kind": Kind.NOTICE, "event_uid": None, "method": None, "notice": notice}
    await stores.owe(store, stores.message("olga@example.org", **values))


async def test_a_waiting_mail_that_tells_of_a_forgotten_person_never_leaves(store: Store) -> None:
    await _tell(store, f"Annabel ({ANN}) proposes another time")
    await _tell(store, "1 of 2 were invited", f"row,email\n1,{ANN}\n2,bob@example.com\n")
    assert await _forget(store) == ALIAS
    assert await store.traces(ANN) == []
    (claim,) = await stores.claim(store)
    assert claim.message.notice is not None
    assert claim.message.notice.outcomes.split() == ["row,email", "2,bob@example.com"]


async def test_a_link_still_counts_a_forgotten_person_but_knows_their_token_no_more(store: Store) -> None:
    await stores.with_event(store, ANN, "bob@example.com")
    async with store.unit() as unit:
        await unit.save_link(LINK)
        for email in (ANN, "bob@example.com"):
            await unit.note_link_invite(LINK.id, f"token-event1-{email}")
    before = await store.link_counts(LINK.id)
    assert before.sent == 2
    assert await _forget(store) == ALIAS
    assert await store.link_counts(LINK.id) == before


async def test_a_forgotten_tagged_address_leaves_no_bare_one_behind(store: Store) -> None:
    tagged = "ann+news@example.com"
    await stores.with_event(store, tagged)
    async with store.unit() as unit:
        await unit.add_key(stores.key("key1"))
        await unit.note_confirmed(ORGANIZER, "ann@example.com", START)
        await unit.note_confirmed(ORGANIZER, "bob@example.com", START)
        await unit.add_messages([stores.message(tagged, key="key1")], priority=0)
    await stores.answered(store, await stores.claim(store))
    async with store.unit() as unit:
        spent = await unit.spent(["key1"], START)
    assert await _forget(store, tagged) == ALIAS
    assert await store.traces("ann@example.com") == []
    async with store.unit() as unit:
        assert not await unit.confirmed_once(ORGANIZER, "ann@example.com")
        assert await unit.confirmed_once(ORGANIZER, "bob@example.com")
        assert await unit.spent(["key1"], START) == spent
    assert await store.recount() == []


async def test_what_a_forgotten_person_proposed_is_not_kept_to_be_undone(store: Store) -> None:
    known = {"event_uid": "event1", "sequence": 0, "dtstamp": START, "arrived": START, "comment": "Orchid"}
    proposals = [Proposal(id=one, email=one, **known) for one in (ANN, "bob@example.com")]  # type: ignore[arg-type]
    async with store.unit() as unit:
        await unit.add_undo(undoable(proposals=tuple(proposals), taken_out=ANN))
    assert await _forget(store) == ALIAS
    async with store.unit() as unit:
        kept = await unit.undoable("u1")
    assert kept is not None
    assert kept.taken_out == ALIAS
    assert [(one.email, one.comment) for one in kept.proposals] == [
        (ALIAS, ""),
        ("bob@example.com", "Orchid"),
    ]


async def test_what_is_noted_of_a_mail_does_not_quote_a_forgotten_person(store: Store) -> None:
    quoting = Intake(
        id="mail:1", at=START, mailbox="box", action="ignored", detail=f"Annabel <{ANN}> says no"
    )
    async with store.unit() as unit:
        await unit.take_in(quoting)
    assert await _forget(store) == ALIAS
    async with store.unit() as unit:
        assert await unit.taken_in("mail:1") == quoting.model_copy(update={"detail": ""})


async def test_a_person_is_found_also_where_their_domain_is_written_in_unicode(store: Store) -> None:
    body = '{"type":"x","data":{"organizer":"ann@b\\u00fccher.example, Ann@BÜCHER.example"}}'
    await with_postings(store, outgoing("one").model_copy(update={"body": body}))
    assert await _forget(store, "ann@xn--bcher-kva.example") == ALIAS
    found = await store.posting("one")
    assert found is not None
    assert found.body == f'{{"type":"x","data":{{"organizer":"{ALIAS}, {ALIAS}"}}}}'


async def test_a_mail_that_told_of_a_forgotten_person_loses_its_words(store: Store) -> None:
    await _tell(store, f"Annabel ({ANN}) proposes another time")
    (claim,) = await stores.claim(store)
    assert await _forget(store) is None
    await stores.answered(store, [claim])
    assert await _forget(store) == ALIAS
    kept = await stores.state(store, claim)
    assert (kept.state, kept.notice) == (MessageState.SENT, None)


async def test_a_held_action_about_a_forgotten_person_is_void_and_empty(store: Store) -> None:
    command = HeldCommand(name="SendInvite", arguments=f'{{"email":"{ANN}","name":"Annabel"}}')
    sample = SampleMail(to=ANN, subject="Meeting", text="Dear Annabel")
    preview = HeldPreview(action="Invite a person", people=1, first=(ANN,), sample=sample)
    async with store.unit() as unit:
        await unit.add_held(held(command=command, digest=command.digest, preview=preview, words=("a",)))
    assert await _forget(store) == ALIAS
    found = await store.held_action("one")
    assert found is not None
    assert (found.state, found.decided, found.digest) == (HeldState.VOID, START, found.command.digest)
    assert "Annabel" not in found.model_dump_json()
    assert await store.held_actions(None, waiting=True, limit=5) == []


async def test_a_held_action_that_merely_shows_a_forgotten_person_still_waits(store: Store) -> None:
    preview = HeldPreview(action="Start the campaign", people=2, first=(ANN, "bob@example.com"))
    async with store.unit() as unit:
        await unit.add_held(held(preview=preview))
    assert await _forget(store) == ALIAS
    found = await store.held_action("one")
    assert found is not None
    assert (found.state, found.preview.first) == (HeldState.WAITING, ("bob@example.com",))
    assert found.digest == held().digest


async def test_what_is_posted_about_a_forgotten_person_goes_also_where_their_address_is_masked(
    store: Store,
) -> None:
    body = '{"type":"receipt","data":{"email":"a*******@example.com","words":"I bring an orchid"}}'
    about = [outgoing(name, about=ANN).model_copy(update={"body": body}) for name in ("waits", "gone")]
    await with_postings(store, *about, outgoing("other"))
    async with store.unit() as unit:
        gone = about[1].posting.model_copy(update={"state": PostingState.DELIVERED, "due": None})
        await unit.save_posting(gone)
    assert await _forget(store) == ALIAS
    assert await store.traces(ANN) == []
    assert {one.id for one in await store.postings("one", None, 5)} == {"waits", "other"}
    waits = await store.posting("waits")
    assert waits is not None
    assert waits.body == f'{{"type":"receipt","data":{{"email":"{ALIAS}"}}}}'
    assert waits.posting.about == ALIAS


async def test_two_names_that_spell_a_forgotten_address_in_two_ways_stay_two(store: Store) -> None:
    spelled = [ANN, "Ann@Example.com", "ANN@example.com"]
    named = [{"delivery_id": f"{one}:1", "object": f"contact:{one}", "due": None} for one in spelled]
    about = [delivery(f"d{n}", **values) for n, values in enumerate(named)]
    await with_deliveries(store, *about)
    async with store.unit() as unit:
        for n, one in enumerate(about):
            await unit.save_trigger_object("id-deals", TriggerObject(object=one.object, version=n))
    assert await _forget(store) == ALIAS
    assert await store.traces(ANN) == []
    kept = await store.deliveries("id-deals", None, 10)
    assert len({one.delivery_id for one in kept}) == len({one.object for one in kept}) == 3
    async with store.unit() as unit:
        known = [await unit.trigger_object("id-deals", one.object) for one in kept]
    assert [(one.object, one.version) for one in known if one] == [
        (one.object, 2 - n) for n, one in enumerate(kept)
    ]


async def test_an_address_that_is_written_again_while_it_is_being_forgotten_is_forgotten_too(
    store: Store,
) -> None:
    await with_deliveries(store)
    await stores.with_event(store)

    async def write(name: str) -> None:
        async with store.unit() as unit:
            await unit.add_attendees([stores.attendee(ANN, token=name)])
            about = delivery(name, delivery_id=f"{ANN}:1", object=ANN, due=None)
            await unit.add_deliveries([(about, "{}")])
            await unit.save_trigger_object("id-deals", TriggerObject(object=ANN))

    async with store.unit() as unit:
        await unit.begin_forgetting(ANN, ALIAS, START)
    for name in ("first", "second", "third"):
        await write(name)
        traces = await store.traces(ANN)
        while traces:
            traces = traces[await store.transact(lambda unit: unit.forget_rows(ANN, ALIAS, traces, START)) :]  # noqa: B023
        assert await store.traces(ANN) == []
    assert (await store.statistics("event", "event1")).attendees == 3
    assert len(await store.deliveries("id-deals", None, 10)) == 3


def _receipt(email: str) -> Receipt:
    return Receipt(
        event_uid="event1",
        email=email,
        partstat=Partstat.ACCEPTED,
        sequence=0,
        dtstamp=START,
        arrived=START,
        comment="I bring an orchid",
    )


def test_every_table_of_dynamodb_is_known_by_its_kind() -> None:
    modules = [m.name for m in pkgutil.iter_modules(dynamodb.__path__, f"{dynamodb.__name__}.")]
    made = [value for name in modules for value in vars(importlib.import_module(name)).values()]
    assert {id(value) for value in made if isinstance(value, KindTable)} == {
        id(table) for table in kinds.TABLES.values()
    }
