"""The contract of a store: who and what is on the do-not-mail list gets no mail."""

from __future__ import annotations

from pathlib import Path

from engine.commands.invites.suppressing import Suppress, suppressed_in_parts
from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.model.messages import Chosen, Kind, MessageState, Notice
from engine.model.people import Partstat
from engine.model.suppressions import ASKED, Suppression
from engine.refusals import Code, Refused
from engine.settings import Settings
from engine.store.protocol import Store
from tests.store.stores import ORGANIZER, START, answered, claim, emails, message, owe, states, with_event
from tests.support.clock import Clock

ANN, BOB, CEM = "ann@example.com", "bob@sub.example.com", "cem@notexample.com"
OTHER = "oscar@example.org"


def entry(target: str, organizer: str = "", reason: str = ASKED) -> Suppression:
    return Suppression(target=target, organizer=organizer, reason=reason, at=START)


async def add(store: Store, *entries: Suppression) -> int:
    async with store.unit() as unit:
        return await unit.add_suppressions(entries)


async def barred(store: Store, organizer: str = ORGANIZER) -> dict[str, Code]:
    async with store.unit() as unit:
        return await unit.barred(organizer, [ANN, BOB, CEM])


async def listed(store: Store, organizer: str | None = None) -> list[tuple[str, str]]:
    return [(e.target, e.organizer) for e in await store.suppressions(organizer, 100)]


async def test_a_domain_bars_itself_and_its_subdomains_and_no_other_that_ends_alike(store: Store) -> None:
    await add(store, entry("example.com"))
    assert await barred(store) == {ANN: Code.ADDRESS_SUPPRESSED, BOB: Code.ADDRESS_SUPPRESSED}


async def test_an_entry_of_one_organizer_bars_no_mail_of_others(store: Store) -> None:
    await add(store, entry("example.com", ORGANIZER), entry(CEM, ORGANIZER))
    assert set(await barred(store)) == {ANN, BOB, CEM}
    assert await barred(store, OTHER) == {}


async def test_what_is_owed_to_a_listed_domain_is_withdrawn_at_its_claim(store: Store) -> None:
    await with_event(store, ANN, BOB, CEM)
    await add(store, entry("example.com", ORGANIZER))
    assert emails(await claim(store)) == [CEM]
    assert await states(store) == {"sending": 1, "withdrawn": 2}


async def test_only_an_entry_for_every_organizer_stops_notices(store: Store) -> None:
    words = Notice(subject="Report", text="Here it is.")
    of_ann = [message(ANN, kind=Kind.NOTICE, method=None, event_uid=None, notice=words) for _ in range(2)]
    await add(store, entry("example.com", ORGANIZER))
    await owe(store, of_ann[0])
    assert emails(await claim(store)) == [ANN]
    await add(store, entry("example.com"))
    await owe(store, of_ann[1])
    assert emails(await claim(store)) == []


async def test_nobody_on_a_listed_domain_is_reminded(store: Store) -> None:
    await with_event(store, ANN, CEM)
    await answered(store, await claim(store), MessageState.SENT)
    await add(store, entry("example.com"))
    who = Chosen(partstats=frozenset({Partstat.NEEDS_ACTION}))
    async with store.unit() as unit:
        groups = await unit.reminder_groups("event1", who, START, 10)
    assert {g.reason: g.emails for g in groups} == {"barred": (ANN,), "": (CEM,)}


async def test_an_entry_is_added_once_and_keeps_its_reason(store: Store) -> None:
    async with store.unit() as unit:
        await unit.suppress(ANN, "550 no such user", START)
    assert await add(store, entry(ANN), entry(BOB), entry(BOB)) == 1
    async with store.unit() as unit:
        known = await unit.suppression(ANN, "")
    assert known is not None
    assert (known.reason, known.cause) == ("550 no such user", "bounced")


async def test_a_complaint_is_the_cause_of_an_entry_that_was_there_unless_its_person_made_it(
    store: Store,
) -> None:
    await add(store, entry(ANN, ORGANIZER), entry(BOB, "", "550 no such user"), entry(ANN))
    async with store.unit() as unit:
        await unit.block(CEM, ORGANIZER, START)
        await unit.suppress_for(ANN, ORGANIZER, "complained abuse", START)
        await unit.suppress_for(ANN, ORGANIZER, "complained again", START)
        await unit.suppress_for(ANN, ORGANIZER, "550 no such user", START)
        await unit.suppress_for(CEM, ORGANIZER, "complained", START)
        await unit.suppress(BOB, "complained", START)
        await unit.suppress(ANN, "550 no such user", START)
    found = {(e.target, e.organizer): e.reason for e in await store.suppressions(None, 10)}
    assert found == {
        (ANN, ORGANIZER): "complained abuse",
        (ANN, ""): ASKED,
        (BOB, ""): "complained",
        (CEM, ORGANIZER): "",
    }


async def test_an_entry_that_is_dropped_bars_nobody(store: Store) -> None:
    await add(store, entry("example.com"), entry(ANN), entry(ANN, ORGANIZER))
    async with store.unit() as unit:
        await unit.drop_suppression("example.com", "")
        await unit.drop_suppression(ANN, "")
    assert await barred(store) == {ANN: Code.ADDRESS_SUPPRESSED}
    async with store.unit() as unit:
        await unit.drop_suppression(ANN, ORGANIZER)
    assert await barred(store) == {}


async def test_the_list_is_read_in_pages_of_one_organizer_or_of_all(store: Store) -> None:
    await add(
        store, entry(ANN), entry(BOB, ORGANIZER), entry("example.com", ORGANIZER), entry("a.test", OTHER)
    )
    assert await listed(store) == [
        ("a.test", OTHER),
        (ANN, ""),
        (BOB, ORGANIZER),
        ("example.com", ORGANIZER),
    ]
    assert await listed(store, ORGANIZER) == [(BOB, ORGANIZER), ("example.com", ORGANIZER)]
    page = await store.suppressions(None, 2, ("a.test", OTHER))
    assert [e.target for e in page] == [ANN, BOB]


async def test_what_bars_one_address_is_found_with_its_domains(store: Store) -> None:
    await add(store, entry(ANN, ORGANIZER), entry("example.com"), entry("example.com", OTHER), entry(CEM))
    found = await store.suppressions_of(ORGANIZER, [ANN, "example.com"])
    assert [(e.target, e.organizer) for e in found] == [(ANN, ORGANIZER), ("example.com", "")]


async def test_a_unit_takes_all_that_it_is_given_or_says_that_it_is_too_much(store: Store) -> None:
    entries = [entry(f"a{n}@example.com") for n in range(60)]
    try:
        kept = await add(store, *entries)
    except Refused as refused:
        assert refused.code is Code.TOO_LARGE
        kept = 0
    assert kept in {0, 60}
    assert len(await listed(store)) == kept
    part = [entry(f"b{n}@example.com") for n in range(30)]
    assert await add(store, *part) == 30


async def test_many_addresses_are_put_on_the_list_by_as_many_commands_as_the_backend_needs(
    store: Store, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, store, Clock(), SystemRandomness())
    command = Suppress(targets=tuple(f"p{n:03}@example.com" for n in range(100)))
    for added in (100, 0):
        done = await suppressed_in_parts(
            command, store.items_per_unit, lambda part: engine.apply(part, engine.local)
        )
        assert (done.targets, done.added) == (command.targets, added)
    listed = await store.suppressions(None, 200)
    assert tuple(entry.target for entry in listed) == command.targets
