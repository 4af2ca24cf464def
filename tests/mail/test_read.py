"""Reading mails: one sender, bounded work, calendars wherever they hide."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.incoming.read import Opened, read
from engine.refusals import Code, Refused
from tests.support.soak import examples
from tests.support.steps import MOST, counting

ICS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n"


def mail(body: str = "Hello", *, headers: str = "", sender: str = "From: Joe <joe@example.org>\r\n") -> bytes:
    """A mail with `headers` besides its From."""
    return f"{sender}To: rsvp@cis.test\r\n{headers}\r\n{body}".encode()


def mixed(*parts: str) -> bytes:
    """A multipart/mixed mail of `parts`, each with its own headers."""
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return mail(body, headers='MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n')


def code(raw_mail: bytes) -> Code:
    """The code with which a mail is refused."""
    with pytest.raises(Refused) as refusal:
        read(raw_mail)
    assert refusal.value.hint
    return refusal.value.code


# who sent it


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("joe@example.org", "", "joe@example.org"),
        ("Joe <JOE@Example.ORG>", "Joe", "joe@example.org"),
        ('"Bloggs, Joe" <joe@example.org>', "Bloggs, Joe", "joe@example.org"),
        ("Bloggs, Joe <joe@example.org>", "Bloggs, Joe", "joe@example.org"),
        ("joe@example.org (Joe (at) home)", "Joe (at) home", "joe@example.org"),
        ("ceo@example.com <joe@example.org>", "ceo@example.com", "joe@example.org"),
        ('"ceo@example.com" <joe@example.org>', "ceo@example.com", "joe@example.org"),
        ("=?utf-8?q?J=C3=B6?= <joe@example.org>", "Jö", "joe@example.org"),
        ("=?utf-8?q?ceo=40example=2Ecom=3E?= <joe@example.org>", "ceo@example.com>", "joe@example.org"),
        ("=?no-such?q?J=F6?= <joe@example.org>", "Jö", "joe@example.org"),
        ("Jö <joe@example.org>", "Jö", "joe@example.org"),
    ],
)
def test_from_is_parsed_as_a_mailbox(value: str, name: str, address: str) -> None:
    found = read(mail(sender=f"From: {value}\r\n"))
    assert (found.from_name, found.from_address) == (name, address)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "From:\r\n",
        "From: Joe\r\n",
        "From: <>\r\n",
        "From: joe@example.org, eve@example.net\r\n",
        "From: Joe <joe@example.org>, Eve <eve@example.net>\r\n",
        "From: <joe@example.org> <eve@example.net>\r\n",
        "From: joe@example.org\r\nFrom: eve@example.net\r\n",
        "From: joe@eve@example.net\r\n",
    ],
)
def test_a_mail_from_nobody_or_from_several_is_refused(sender: str) -> None:
    assert code(mail(sender=sender)) is Code.NO_SENDER


def test_an_envelope_from_in_the_subject_wins_nothing() -> None:
    found = read(mail(headers="Subject: envelope-from=ceo@example.com;\r\n"))
    assert found.from_address == "joe@example.org"


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "Precedence: bulk",
        "X-Auto-Response-Suppress: All",
        "List-Id: <list.example.org>",
        "Return-Path: <>",
    ],
)
def test_the_marks_of_automatic_mail_are_seen(header: str) -> None:
    assert read(mail(headers=f"{header}\r\n")).automatic
    assert not read(mail(headers="Auto-Submitted: no\r\n")).automatic


@pytest.mark.parametrize("local", ["mailer-daemon", "no-reply", "noreply+x", "do-not-reply", "postmaster"])
def test_robots_are_automatic(local: str) -> None:
    assert read(mail(sender=f"From: {local}@example.org\r\n")).automatic


# calendars


def test_a_calendar_is_found_in_every_place_it_hides() -> None:
    encoded = base64.b64encode(ICS.encode()).decode()
    for raw_mail in (
        mail(ICS, headers="Content-Type: text/calendar; method=REPLY\r\n"),
        mixed(f"Content-Type: application/ics\r\n\r\n{ICS}"),
        mixed(
            'Content-Type: application/octet-stream; name="A.ICS"\r\n'
            f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
        ),
        mixed(f'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="a.ics"\r\n\r\n{ICS}'),
        mixed(f"Content-Type: message/rfc822\r\n\r\nContent-Type: text/calendar\r\n\r\n{ICS}"),
        mail(f"See below\r\n{ICS}Bye"),
        mixed(f"Content-Type: text/calendar\r\n{ICS}"),
    ):
        (calendar,) = read(raw_mail).calendars
        assert b"METHOD:REPLY" in calendar.content


def test_copies_are_dropped_and_text_calendar_comes_first() -> None:
    other = ICS.replace("REPLY", "REQUEST")
    found = read(
        mixed(
            f"Content-Type: application/ics\r\n\r\n{ICS}",
            f"Content-Type: text/calendar; method=request\r\n\r\n{other}",
            f"Content-Type: text/calendar; method=reply\r\n\r\n{ICS}".replace("\r\n", "\n"),
        )
    )
    assert [c.method_hint for c in found.calendars] == ["REQUEST", "REPLY"]


def test_a_calendar_in_another_charset_becomes_utf_8() -> None:
    head = "From: joe@example.org\r\nContent-Type: text/calendar; charset={}\r\n\r\n"
    for charset, written in (("iso-8859-1", "latin-1"), ("utf-16", "utf-16"), ("iso-4444-5", "cp1252")):
        raw_mail = head.format(charset).encode().removesuffix(b"\r\n")
        encoded = base64.encodebytes(ICS.replace("VERSION", "X-CAFÉ").encode(written))
        raw_mail += b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
        (calendar,) = read(raw_mail).calendars
        text = calendar.content.decode("utf-16" if charset == "utf-16" else "utf-8")
        assert "X-CAFÉ" in text


def test_a_list_in_windows_1252_is_decoded() -> None:
    encoded = base64.b64encode("email,name\nbo@example.org,Bø".encode("cp1252")).decode()
    raw_mail = mixed(
        f'Content-Type: text/plain; name="l.txt"\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}'
    )
    assert read(raw_mail).lists[0].text.endswith("Bø")


def test_the_plain_body_is_cut_to_size() -> None:
    assert len(read(mail("x" * 100_000)).text) == 20_000


# bounds


def _nested(depth: int) -> bytes:
    lines = ["From: joe@example.org"]
    for level in range(depth):
        lines += [f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}"]
    return "\r\n".join([*lines, "", "deep"]).encode()


@pytest.mark.parametrize(
    "raw_mail",
    [
        _nested(25),
        _nested(5_000),
        mixed(*["Content-Type: text/plain\r\n\r\nx"] * 201),
        mail(headers="Content-Type: multipart/mixed; boundary=b" + "; x=y" * 20_000 + "\r\n"),
        mail(headers="Content-Type: text/plain" + ";\r\n x=y" * 20_000 + "\r\n"),
        mail("\n" * 600_000),
        _nested(100) + b"\r\n" * 300_000,
    ],
)
def test_a_mail_made_to_keep_us_busy_is_refused_at_once(raw_mail: bytes) -> None:
    with counting() as steps:
        assert code(raw_mail) is Code.UNREADABLE_MAIL
    assert steps.taken < MOST


@pytest.mark.parametrize("depth", [900, 5_000])
def test_of_parts_inside_parts_no_more_are_read_than_a_mail_may_have(depth: int) -> None:
    with counting() as steps:
        assert code(_nested(depth)) is Code.UNREADABLE_MAIL
    assert steps.taken < MOST / 20


def test_a_small_mail_of_too_many_parts_says_who_sent_it_before_it_is_refused() -> None:
    opened = Opened(_nested(900))
    assert opened.head.from_address == "joe@example.org"
    with pytest.raises(Refused):
        opened.read()


def test_endless_markup_is_stripped_in_no_time() -> None:
    for markup in ("<script " * 50_000, "<" * 300_000, "&" * 300_000, "<style>x</style " * 20_000):
        with counting() as steps:
            found = read(mail(markup, headers="Content-Type: text/html\r\n"))
        assert len(found.text) <= 20_000
        assert steps.taken < len(markup)


@examples(300)
@given(st.binary(max_size=500))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for raw_mail in (data, b"From: joe@example.org\r\n" + data):
        try:
            assert "@" in read(raw_mail).from_address
        except Refused as refusal:
            assert refusal.code in {Code.NO_SENDER, Code.UNREADABLE_MAIL}


_LINES = st.sampled_from(
    [
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: text/calendar; method*=utf-8''REPLY; charset*0=a",
        "Content-Type: message/rfc822",
        "Content-Type: message/delivery-status",
        "Content-Type: multipart/report; boundary=b",
        "Content-Disposition: attachment; filename*0*=x''%zz; filename*1=.ics",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: x-uuencode",
        "From: =?utf-8?b?////?= <a@b.c>",
        "Subject: =?=?=",
        "--b",
        "--b--",
        "",
        " ",
        "begin 666 x",
        "BEGIN:VCALENDAR",
        "\xff\x00",
    ]
)


@examples(500)
@given(st.lists(_LINES, max_size=20))
def test_any_mix_of_mail_lines_is_read_or_refused(lines: list[str]) -> None:
    raw_mail = "\r\n".join(["From: joe@example.org", *lines]).encode("latin-1")
    try:
        assert read(raw_mail).text is not None
    except Refused as refusal:
        assert refusal.code in {Code.NO_SENDER, Code.UNREADABLE_MAIL}
