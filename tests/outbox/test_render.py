"""From ledger rows to mails: each revision is composed once, and every attendee gets the right one."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.composing import revision
from engine.engine import Engine
from engine.itip import personal, write
from engine.itip.read import read
from engine.mail.outgoing import compose
from engine.model.claims import Claim
from engine.model.events import Event, Reserved
from engine.model.messages import Kind, Message, Notice
from engine.model.people import Attendee, Origin, Partstat, Party
from engine.model.times import Span
from engine.outbox.render import Renderer
from engine.outbox.smtp.wire import body
from engine.outbox.transport import Envelope
from engine.refusals import Code, Refused
from engine.store.protocol import Store
from tests.itip import strategies
from tests.itip.samples import event
from tests.judges import calendar_of, judge, shape
from tests.support import engines
from tests.support.engines import settings_in
from tests.support.memory.store import MemoryStore
from tests.support.soak import examples

SETTINGS = settings_in(Path("unused"), public_url="https://cis.example.com")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KINDS = [Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION]


def renderer() -> Renderer:
    """One that is asked for calendar messages only, which need nothing of the store."""
    return Renderer(SETTINGS, cast("Store", MemoryStore()))


def claim(
    sample: Event,
    kind: Kind = Kind.INVITE,
    *,
    recurrence_id: date | datetime | None = None,
    organizer_name: str = "",
    **person: Any,
) -> Claim:
    """A claimed message that owes `sample` to Joe, or to whom `person` describes."""
    values = {
        "email": "joe@example.org",
        "name": "Joe Bloggs",
        "token": "q7zk2pvx9lmr4tns",
        "origin": Origin.API,
    }
    attendee = Attendee(event_uid=sample.uid, created=NOW, **{**values, **person})
    message = Message(
        kind=kind,
        email=attendee.email,
        organizer=sample.organizer,
        message_id="m1@cis.test",
        recurrence_id=recurrence_id,
        created=NOW,
        due=NOW,
    )
    return Claim(message=message, event=sample, attendee=attendee, organizer_name=organizer_name)


def render(by: Renderer, owed: Claim) -> Envelope:
    return asyncio.run(by.render(owed, NOW))


def composed(owed: Claim) -> bytes:
    """The same mail, composed from the beginning by the libraries."""
    attendee, message = owed.attendee, owed.message
    assert attendee is not None
    assert owed.event is not None
    name = owed.event.organizer_name or owed.organizer_name or owed.event.organizer
    holes = dict.fromkeys(personal.placeholders(owed.event), "")
    given_values = {**attendee.fields, "name": attendee.name, "email": attendee.email}
    own = personal.personalize(owed.event, {**holes, **{k: v for k, v in given_values.items() if v}})
    party, receipts = Party(address=attendee.email, name=attendee.name), f"rsvp+{attendee.token}@cis.test"
    make = write.cancel if message.kind is Kind.CANCELLATION else write.request
    calendar = make(own, party, Party(address=receipts, name=name), recurrence_id=message.recurrence_id)
    mailto = f"unsubscribe+{attendee.token}@cis.test"
    https = f"https://cis.example.com/unsubscribe/{attendee.token}"
    letter = compose.Personalisation(party, calendar, receipts, message.message_id, NOW, mailto, https)
    return compose.invitation(revision(own, message.kind, message.recurrence_id, name, SETTINGS), letter)


@examples(300)
@given(
    data=st.data(),
    sample=strategies.events(),
    kind=st.sampled_from(KINDS),
    person=strategies.parties,
    fields=strategies.values,
    organizer_name=strategies.texts,
)
def test_what_is_rendered_is_what_is_composed_byte_for_byte(
    data: st.DataObject, sample: Event, kind: Kind, person: Party, fields: dict[str, str], organizer_name: str
) -> None:
    owed = claim(
        sample,
        kind,
        recurrence_id=data.draw(strategies.instances(sample)),
        organizer_name=organizer_name,
        email=person.address,
        name=person.name,
        fields=fields,
    )
    try:
        expected = composed(owed)
    except Refused as refused:
        assert refused.code is Code.INVALID_ADDRESS
        with pytest.raises(Refused, match="not an address"):
            render(renderer(), owed)
        return
    content = render(renderer(), owed).content
    assert content == expected
    assert body(content) == body(bytes(content))
    assert shape.mail_faults(content) + shape.invitation_faults(content) == []
    assert shape.calendar_faults(calendar_of(content)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_judge_accepts_a_personal_mail(kind: Kind) -> None:
    sample = event(summary="Hi {{Name}}", description="For {{company}}\n{{company}}", location="{{room}}")
    assert judge(render(renderer(), claim(sample, kind, fields={"company": "Example & Söhne"})).content) == []


def test_each_attendee_gets_a_mail_of_its_own() -> None:
    by, sample = renderer(), event(summary="Hi {{name}}")
    for name in ("Ann", "Ben", "Ann"):
        address = f"{name.lower()}@example.org"
        envelope = render(by, claim(sample, name=name, email=address, token=f"t{name}"))
        assert (envelope.sender, envelope.recipient) == (f"rsvp+t{name}@cis.test", address)
        (said,) = read(calendar_of(envelope.content)).events
        assert said.organizer is not None
        assert (said.summary, said.organizer.address) == (f"Hi {name}", f"rsvp+t{name.lower()}@cis.test")
        assert [a.address for a in said.attendees] == [address]


def test_a_new_revision_is_composed_anew() -> None:
    by, first = renderer(), event()
    second = first.model_copy(
        update={"summary": "Later", "sequence": 1, "dtstamp": first.dtstamp + timedelta(seconds=1)}
    )
    assert subject(render(by, claim(first))) == "Plan"
    assert subject(render(by, claim(second, Kind.UPDATE))) == "Later"
    assert subject(render(by, claim(second))) == "Later"
    assert subject(render(by, claim(second, organizer_name="Other"))) == "Later"


def subject(envelope: Envelope) -> str:
    mail = BytesParser(policy=policy.default).parsebytes(envelope.content)
    assert isinstance(mail, EmailMessage)
    return str(mail["Subject"])


def test_the_organizers_name_is_the_events_then_the_organizers_own_then_the_address() -> None:
    for named, own, shown in (("A", "B", "A"), ("", "B", "B"), ("", "", "jane@example.com")):
        content = render(renderer(), claim(event(organizer_name=named), organizer_name=own)).content
        (said,) = read(calendar_of(content)).events
        assert said.organizer is not None
        assert said.organizer.name == shown


def test_more_events_than_are_kept_prepared_get_their_own_mails() -> None:
    by = renderer()
    for _ in range(2):
        for number in range(70):
            sample = event(uid=f"{number:040}", summary=f"Plan {number}")
            assert subject(render(by, claim(sample))) == f"Plan {number}"


def test_somebody_who_came_by_a_forwarded_invite_may_lack_a_value() -> None:
    sample = event(summary="{{company}}: hello {{name}}")
    content = render(renderer(), claim(sample, name="", fields={}, origin=Origin.SHARED)).content
    (said,) = read(calendar_of(content)).events
    assert said.summary.strip() == ": hello"


async def test_a_notice_is_answered_by_nobody(engine: Engine) -> None:
    message = Message(
        kind=Kind.NOTICE,
        email="jane@example.com",
        organizer="jane@example.com",
        message_id="n1@cis.test",
        notice=Notice(subject="Event created", text="Created."),
        created=NOW,
        due=NOW,
    )
    owed = Claim(message=message, event=None, attendee=None)
    envelope = await Renderer(engine.settings, engine.store).render(owed, NOW)
    assert (envelope.sender, envelope.recipient) == ("", "jane@example.com")
    assert judge(envelope.content) == []


async def test_a_report_carries_a_row_for_each_attendee(engine: Engine) -> None:
    created = await engines.created(engine)
    await engines.invite(engine, created, "joe@example.com")
    message = Message(
        kind=Kind.REPORT,
        email=created.organizer,
        organizer=created.organizer,
        message_id="n2@cis.test",
        notice=Notice(subject="Report", text="Attached.", report_uid=created.uid),
        created=NOW,
        due=NOW,
    )
    owed = Claim(message=message, event=None, attendee=None)
    envelope = await Renderer(engine.settings, engine.store).render(owed, NOW)
    mail = BytesParser(policy=policy.default).parsebytes(envelope.content)
    assert isinstance(mail, EmailMessage)
    (csv,) = mail.iter_attachments()
    assert csv.get_filename() == f"{created.uid}.csv"
    assert b"joe@example.com" in csv.get_content().encode()


def test_a_mail_tells_the_time_on_the_clock_of_whoever_reads_it() -> None:
    by = renderer()
    sample = event()
    tokyo = words_of(render(by, claim(sample, fields={"timezone": "Asia/Tokyo"})))
    plain = words_of(render(by, claim(sample)))
    assert "For you" in tokyo
    assert "Asia/Tokyo, UTC+09:00" in tokyo
    for fields in ({"timezone": sample.span.timezone}, {"timezone": "no zone"}, {"seat": "4"}):
        assert words_of(render(by, claim(sample, fields=fields))) == plain
    assert "For you" not in plain
    day = Span(start=date(2027, 5, 2), end=date(2027, 5, 3), timezone="Europe/Paris")
    days = sample.model_copy(update={"span": day, "uid": "days"})
    assert "For you" not in words_of(render(by, claim(days, fields={"timezone": "Asia/Tokyo"})))


READERS: list[dict[str, Any]] = [
    {},
    {"kind": Kind.UPDATE},
    {"kind": Kind.REMINDER, "partstat": Partstat.ACCEPTED},
    {"kind": Kind.REMINDER},
    {"partstat": Partstat.ACCEPTED},
    {"zone": "Asia/Tokyo"},
    {"fields": {"timezone": "America/New_York"}},
    {"fields": {"lang": "de"}},
    {"fields": {"seat": "4"}},
    {"organizer_name": "Ann"},
    {"note": "Bring a pen"},
    {"organizer_language": "fr"},
]
"""Each reads something else of one event than the one before."""


def of_reader(sample: Event, reader: dict[str, Any]) -> Claim:
    """What is owed to one of `READERS`."""
    own = {name: value for name, value in reader.items() if name not in {"note", "organizer_language"}}
    owed = claim(sample, **own)
    message = owed.message.model_copy(update={"note": reader.get("note", "")})
    return owed._replace(message=message, organizer_language=reader.get("organizer_language", ""))


def test_readers_of_one_event_who_differ_get_their_own_mails_from_one_renderer() -> None:
    by, told = renderer(), Reserved(partstats=frozenset({Partstat.ACCEPTED}), location="Room 9")
    sample = event(location="Room 4", reserved=told, organizer_name="")
    alone = [render(renderer(), of_reader(sample, reader)).content for reader in READERS]
    assert len(set(alone)) == len(READERS) - 1  # a seat is read nowhere
    for one, other in product(range(len(READERS)), repeat=2):
        # Twice, and after every other: what is kept of the mail before would show.
        for reader in (one, one, other):
            assert render(by, of_reader(sample, READERS[reader])).content == alone[reader]


def words_of(envelope: Envelope) -> str:
    """The plain text of a mail."""
    mail = BytesParser(policy=policy.default).parsebytes(envelope.content)
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
