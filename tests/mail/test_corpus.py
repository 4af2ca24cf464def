"""The shared collection of real mails and calendars, where it is there: nothing but refusals escapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.itip.read import read as read_calendar
from engine.mail.incoming.read import read as read_mail
from engine.refusals import Refused
from tests.itip.test_answers import same

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")


def _files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_every_mail_is_read_or_refused_with_its_calendars() -> None:
    read = 0
    for path in _files():
        try:
            mail = read_mail(path.read_bytes())
            for calendar in mail.calendars:
                read_calendar(calendar.content, method_hint=calendar.method_hint)
            read += 1
        except Refused as refusal:
            assert refusal.message, path
    assert read > 50


def test_every_calendar_is_read_or_refused() -> None:
    read = 0
    for path in _files():
        try:
            read += bool(read_calendar(path.read_bytes(), default_zone="Europe/Paris").events)
        except Refused as refusal:
            assert refusal.message, path
    assert read > 40


def test_every_invitation_of_a_real_client_is_understood() -> None:
    mails = [path for path in _files() if "invitations/data" in path.as_posix() and path.suffix == ".eml"]
    assert mails
    for path in mails:
        calendars = read_mail(path.read_bytes()).calendars
        assert calendars, path
        assert read_calendar(calendars[0].content, method_hint=calendars[0].method_hint).events, path


def test_every_calendar_comes_to_the_same_by_both_readers_of_answers() -> None:
    for path in _files():
        same(path.read_bytes())
        try:
            parts = read_mail(path.read_bytes()).calendars
        except Refused:
            continue
        for part in parts:
            same(part.content, part.method_hint)
