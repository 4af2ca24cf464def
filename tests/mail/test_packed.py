"""Calendars and lists that are packed into something: signatures, attached mails, zips."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.incoming import smime as reading
from engine.mail.incoming.read import read
from engine.refusals import Code, Refused
from tests.support import smime
from tests.support.soak import examples

HEAD = "From: Joe <joe@example.org>\r\nTo: create@cis.test\r\nMIME-Version: 1.0\r\n"
INNER = "From: Olga <olga@example.net>\r\nTo: joe@example.org\r\nSubject: Opener\r\nMIME-Version: 1.0\r\n"


def ics(uid: str = "1", method: str = "REQUEST", kind: str = "VEVENT") -> str:
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\nBEGIN:{kind}\r\nUID:{uid}\r\nEND:{kind}\r\n"
        "END:VCALENDAR\r\n"
    )


ENTITY = f"Content-Type: text/calendar; method=REQUEST\r\n\r\n{ics()}"
MIXED = f"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nHello\r\n--i\r\n{ENTITY}--i--\r\n"


def multipart(subtype: str, *parts: str, head: str = HEAD) -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"{head}Content-Type: multipart/{subtype}; boundary=b\r\n\r\n{body}--b--\r\n".encode()


def uids(raw_mail: bytes) -> list[str]:
    """The UIDs of the calendars of a mail, in order."""
    texts = [part.content.decode() for part in read(raw_mail).calendars]
    return [line[4:] for text in texts for line in text.splitlines() if line.startswith("UID:")]


def encoded(text: str | bytes) -> str:
    return base64.encodebytes(text.encode() if isinstance(text, str) else text).decode()


# which of several calendars


def test_what_is_meant_for_calendar_programs_comes_before_attachments() -> None:
    alternative = (
        "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\nHello\r\n"
        f"--a\r\nContent-Type: text/calendar\r\n\r\n{ics('alternative')}--a--\r\n"
    )
    named = f'Content-Type: application/octet-stream; name="M.ICS"\r\n\r\n{ics("named")}'
    attached = f"Content-Type: message/rfc822\r\n\r\n{INNER}Content-Type: text/calendar\r\n\r\n{ics('inner')}"
    plain = f"Content-Type: text/calendar\r\n\r\n{ics('plain')}"
    typed = f"Content-Type: application/ics\r\n\r\n{ics('typed')}"
    empty = f"Content-Type: text/calendar\r\n\r\n{ics('nothing', kind='VTODO')}"
    found = uids(multipart("mixed", attached, empty, named, typed, plain, alternative))
    assert found == ["alternative", "plain", "named", "typed", "inner", "nothing"]


def test_a_method_parameter_in_the_form_of_rfc_2231_is_understood() -> None:
    raw_mail = f"{HEAD}Content-Type: text/calendar; method*=us-ascii''reply\r\n\r\n{ics()}".encode()
    assert read(raw_mail).calendars[0].method_hint == "REPLY"


# S/MIME and PGP


@pytest.mark.parametrize("kind", ["signed", "pgp-signed"])
def test_a_clear_signature_hides_nothing(kind: str) -> None:
    signature = "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----"
    assert uids(multipart(kind.removeprefix("pgp-"), MIXED, signature)) == ["1"]


@pytest.mark.parametrize("wrap", [smime.signed, smime.streamed])
@pytest.mark.parametrize("entity", [ENTITY, MIXED, MIXED + "x" * 30_000])
def test_a_calendar_inside_its_signature_is_found(wrap: object, entity: str) -> None:
    cms = wrap(entity.encode())  # type: ignore[operator]
    assert uids(smime.mail(cms)) == ["1"]
    assert uids(smime.mail(cms, "application/x-pkcs7-mime")) == ["1"]


def test_a_signature_around_a_signature_is_opened() -> None:
    inner = smime.mail(smime.signed(ENTITY.encode()))
    assert uids(smime.mail(smime.signed(inner))) == ["1"]


@pytest.mark.parametrize(
    ("raw_mail", "code"),
    [
        (smime.mail(smime.encrypted(ENTITY.encode()), "application/pkcs7-mime"), Code.ENCRYPTED_MAIL),
        (multipart("encrypted", "Content-Type: application/octet-stream\r\n\r\nx"), Code.ENCRYPTED_MAIL),
        (smime.mail(smime.detached(ENTITY.encode())), Code.UNREADABLE_MAIL),
        (smime.mail(b"nonsense"), Code.UNREADABLE_MAIL),
        (smime.mail(b""), Code.UNREADABLE_MAIL),
    ],
)
def test_what_cannot_be_opened_is_said(raw_mail: bytes, code: Code) -> None:
    found = read(raw_mail)
    assert found.calendars == ()
    assert found.obstacle is not None
    assert found.obstacle.code == code


@examples(300)
@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 20))
def test_a_damaged_signature_is_opened_or_refused(noise: bytes, place: int, cut: int) -> None:
    whole = smime.streamed(ENTITY.encode())
    try:
        assert reading.content(whole[:place] + noise + whole[place + cut :]) is not None
    except Refused as refusal:
        assert refusal.code in {Code.UNREADABLE_MAIL, Code.ENCRYPTED_MAIL}


def test_endless_lengths_cost_nothing() -> None:
    for bomb in (b"\x30\x80" * 500_000, b"\x30\x80" + b"\x04\x00" * 2_000_000, b"\x30\xff" + b"\xff" * 200):
        with pytest.raises(Refused):
            reading.content(bomb)


# mails within mails


@pytest.mark.parametrize(
    "part",
    [
        f"Content-Type: message/rfc822\r\n\r\n{INNER}{MIXED}",
        f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded(INNER + MIXED)}",
        'Content-Type: application/octet-stream; name="Opener.eml"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded(INNER + MIXED)}",
    ],
)
def test_a_forwarded_invitation_counts_and_is_from_who_forwarded_it(part: str) -> None:
    raw_mail = multipart("mixed", "Content-Type: text/plain\r\n\r\nSee below", part)
    assert uids(raw_mail) == ["1"]
    found = read(raw_mail)
    assert (found.from_address, found.from_name) == ("joe@example.org", "Joe")
    assert found.text.strip() == "See below"


# lists in zips


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def with_zip(data: bytes, kind: str = "application/zip") -> bytes:
    head = f'Content-Type: {kind}; name="list.zip"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return multipart("mixed", "Content-Type: text/plain\r\n\r\nHello", head + encoded(data))


@pytest.mark.parametrize("kind", ["application/zip", "application/octet-stream"])
def test_a_zipped_list_is_read(kind: str) -> None:
    data = zipped({"a/guests.csv": b'name,email\n"Doe, Jane",jane@example.org', "photo.png": b"x"})
    (found,) = read(with_zip(data, kind)).lists
    assert (found.filename, found.text) == ("guests.csv", 'name,email\n"Doe, Jane",jane@example.org')


@pytest.mark.parametrize(
    "made",
    [
        lambda: zipped({"bomb.csv": b"a" * 40_000_000}),
        lambda: zipped({f"{n}.csv": b"a" * 5_000_000 for n in range(10)}),
        lambda: zipped({f"{n}.csv": b"" for n in range(1_500)}),
        lambda: zipped({"list.csv": b"email"}, method=zipfile.ZIP_LZMA),
        lambda: zipped({"list.csv": b"email"})[:-10],
        lambda: b"PK\x03\x04nonsense",
    ],
    ids=["one bomb", "many", "too many files", "lzma", "cut off", "nonsense"],
)
def test_a_zip_that_is_a_bomb_or_broken_holds_no_list(made: Callable[[], bytes]) -> None:
    assert read(with_zip(made())).lists == ()
