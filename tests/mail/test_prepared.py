"""Mails that are filled in are the mails that are composed, byte for byte, and nothing gets out of its place."""

from __future__ import annotations

from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.mail.outgoing import compose, mime
from engine.mail.outgoing.compose import Personalisation, RevisionMail
from engine.mail.outgoing.prepared import prepare
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.people import Party
from engine.refusals import Code, Refused
from tests.itip import strategies
from tests.itip.samples import JOE, event
from tests.itip.test_prepared import HOSTILE
from tests.judges import judge, shape
from tests.mail.test_compose import body, parsed, revision_and_letter
from tests.support.soak import examples

KINDS = [Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION]


def composed(revision: RevisionMail, letter: Personalisation, texts: dict[str, str]) -> bytes:
    """The mail, composed from the beginning with the attendee's own words."""
    return compose.invitation(replace(revision, part=revision.part.model_copy(update=texts)), letter)


@examples(300)
@given(
    sample=strategies.events(),
    kind=st.sampled_from(KINDS),
    name=strategies.texts,
    texts=st.dictionaries(st.sampled_from(compose.TEXTS), st.one_of(st.just(" "), strategies.texts)),
    unsubscribe=st.sampled_from(["", "https://cis.example.com/u/t"]),
    public_url=st.sampled_from(["http://127.0.0.1:8000", "https://cis.example.com/?a=1&b='"]),
)
@example(event(), Kind.INVITE, "", {"summary": "", "location": "\n", "description": "\0to\0"}, "", "")
def test_filled_is_composed_byte_for_byte(
    sample: Event, kind: Kind, name: str, texts: dict[str, str], unsubscribe: str, public_url: str
) -> None:
    revision, letter = revision_and_letter(
        sample,
        kind,
        attendee=Party(address=JOE.address, name=name),
        unsubscribe_url=unsubscribe,
        public_url=public_url,
    )
    filled = prepare(revision, texts.keys()).fill(letter, texts)
    assert filled == composed(revision, letter, texts)
    assert judge_bytes(filled) == []


def judge_bytes(mail: bytes) -> list[str]:
    """The faults in a mail's own bytes; its calendar is judged where it is made."""
    return shape.mail_faults(mail) + shape.invitation_faults(mail)


@pytest.mark.parametrize(
    ("summary", "ready"), [("Hello", True), ("Grüße an alle", True), (".", True), (".hidden", False)]
)
def test_a_mail_is_ready_for_the_wire_unless_a_line_begins_with_a_dot(summary: str, ready: bool) -> None:
    revision, letter = revision_and_letter(event(), unsubscribe_url="https://cis.example.com/u/t")
    mail = prepare(revision, ["description"]).fill(letter, {"description": summary})
    assert isinstance(mail, mime.CrlfLines) == ready == (b"\r\n." not in mail)


@examples(300)
@given(st.lists(st.text(alphabet=" \t.=é日\x85\u2028ab\r", max_size=100), max_size=8))
def test_lines_are_encoded_one_by_one_as_they_are_together(lines: list[str]) -> None:
    ended = [f"{line}\n" for line in lines]
    assert mime.quoted_printable("".join(ended)) == b"".join(map(mime.quoted_printable, ended))


@examples(1_000)
@given(st.text(alphabet=" \t.=é\n\r\0ab", max_size=250), st.text(alphabet="abc=. ", max_size=3))
@example("_  b\n.\0 YZa", "")
@example(f"{'a' * 75}.\nb", "")
@example("b", " ")
def test_texts_that_break_alike_are_encoded_as_any_other(text: str, more: str) -> None:
    long = text + more * 60
    for same in (text, text.replace("a", "b"), long, long.replace("a", "z")):
        assert mime.quoted_printable_alike(same) == mime.quoted_printable(same)


@pytest.mark.parametrize("kind", KINDS)
def test_every_judge_accepts_what_is_filled_in(kind: Kind) -> None:
    revision, letter = revision_and_letter(event(summary="Hi {{name}}"), kind)
    assert (
        judge(prepare(revision, ["summary", "location"]).fill(letter, {"summary": "Hi Jö", "location": ""}))
        == []
    )


def test_one_prepared_mail_serves_many_attendees() -> None:
    revision, letter = revision_and_letter(event())
    prepared = prepare(revision, ["summary"])
    for name in ("Ann", "Jörg", "Ann"):
        own = letter._replace(
            attendee=Party(address="a@example.org", name=name),
            receipt_address=f"rsvp+{name[0]}@cis.test",
        )
        mail = prepared.fill(own, {"summary": f"Hi {name}"})
        assert (parsed(mail)["To"], parsed(mail)["Subject"]) == (f"{name} <a@example.org>", f"Hi {name}")
        assert f"mailto:rsvp+{name[0]}@cis.test?subject=Yes" in body(mail)


def test_an_address_that_no_mail_can_go_to_is_refused() -> None:
    revision, letter = revision_and_letter(event())
    hostile = letter._replace(attendee=Party(address="joe@example.org\r\nBcc: eve@example.net"))
    with pytest.raises(Refused) as refusal:
        prepare(revision).fill(hostile, {})
    assert refusal.value.code is Code.INVALID_ADDRESS


# nothing gets out of its place


class _Links(HTMLParser):
    """The elements of a page, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


PAGES = [
    *HOSTILE,
    "<script>alert(1)</script>",
    '"><img src=x onerror=y>',
    "'&lt;b&gt;",
    "=?utf-8?q?x?=",
    "\0to\0\0title\0",
]


def hostile_mail(hostile: str) -> EmailMessage:
    """A mail with `hostile` wherever an attendee's own words may stand."""
    revision, letter = revision_and_letter(
        event(location="Room"), attendee=Party(address=JOE.address, name=hostile)
    )
    texts = dict.fromkeys(compose.TEXTS, f"Hi {hostile}")
    mail = prepare(revision, texts.keys()).fill(letter, texts)
    assert judge(mail) == []
    return parsed(mail)


@pytest.mark.parametrize("hostile", PAGES)
def test_no_value_adds_a_header_or_a_recipient(hostile: str) -> None:
    mail = hostile_mail(hostile)
    names = "From To Reply-To Subject Date Message-ID MIME-Version List-Unsubscribe Content-Type"
    assert list(mail.keys()) == names.split()
    assert [a.addr_spec for a in mail["To"].addresses] == ["joe@example.org"]
    assert not {"\r", "\n", "\0", "\u202e", "\u2066"} & set(mail["Subject"] + str(mail["To"]))


@pytest.mark.parametrize("hostile", PAGES)
def test_no_value_adds_an_element_or_a_link_to_the_page(hostile: str) -> None:
    page, plain = _Links(html_of(hostile_mail(hostile))), _Links(html_of(hostile_mail("harmless")))
    assert set(page.tags) == set(plain.tags)
    assert [link.partition("?")[0] for link in page.links] == [link.partition("?")[0] for link in plain.links]


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_a_title_in_a_link_cannot_add_recipients_or_fields_to_the_answer() -> None:
    page = _Links(html_of(hostile_mail("x&bcc=eve@example.net&body=#?")))
    assert all(link.count("&") == link.count("#") == 0 and link.count("?") == 1 for link in page.links)


def test_words_that_look_like_a_place_to_fill_stay_words() -> None:
    revision, letter = revision_and_letter(event(description="\0to\0 \0description\0 to"))
    mail = prepare(revision, ["summary"]).fill(letter, {"summary": "\0title\0"})
    assert "to description to" in body(mail)
    assert BytesParser(policy=policy.default).parsebytes(mail)["Subject"] == "title"
