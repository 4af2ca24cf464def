"""What is in the log, and above all what is not (promise 13)."""

from __future__ import annotations

import json
import logging
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from engine.observe import logs
from engine.refusals import Code, Refused

_PLAIN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789._+-", min_size=1, max_size=40)
_DOMAIN = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,6}){1,2}", fullmatch=True)
_AROUND = st.text(max_size=20)


def _record(
    message: str, *arguments: object, level: int = logging.INFO, error: BaseException | None = None
) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("engine.test", level, __file__, 1, message, arguments, info)


@given(_AROUND, _PLAIN, _DOMAIN, _AROUND)
def test_no_address_survives_wherever_it_stands(before: str, local: str, domain: str, after: str) -> None:
    address = f"{local}@{domain}"
    line = logs.discreet(f"{before} {address} {after}")
    assert address not in line
    assert local + "@" not in line


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("mailto:ann@example.com;x", "ann"),
        ("<rsvp+k2j4h6g8f0@invites.example.com>", "k2j4h6g8f0"),
        ("imaps://cis%40example.com:pass@imap.example.com/INBOX", "pass"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("key cis_abcdefghijklmnop0123", "abcdefghijklmnop0123"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl", "eyJzdWIiOiJ4In0"),
    ],
)
def test_tokens_keys_and_passwords_are_taken_out(text: str, secret: str) -> None:
    assert secret not in logs.discreet(text)


@given(st.text(max_size=200))
def test_a_line_of_json_is_one_object_whatever_is_said(words: str) -> None:
    line = logs.JsonLines().format(_record("%s", words))
    assert "\n" not in line
    told = json.loads(line)
    assert set(told) == {"time", "level", "logger", "message", "process"}
    assert told["level"] == "info"


@given(st.text(max_size=200))
def test_words_from_outside_begin_no_line_of_their_own(words: str) -> None:
    line = logs.TextLines().format(_record("mail %s", words))
    assert len(line.splitlines()) == 1


class _Shape(BaseModel):
    number: int


def test_a_fault_is_told_by_its_places_and_never_by_its_text() -> None:
    with pytest.raises(ValidationError) as caught:
        _Shape(number="the words of ann@example.com")
    error = RuntimeError("outer words")
    error.__cause__ = caught.value
    for formatter in (logs.JsonLines(), logs.TextLines()):
        line = formatter.format(_record("it failed", level=logging.ERROR, error=error))
        assert "ValidationError" in line
        assert "RuntimeError" in line
        assert "test_logs.py" in line
        assert "words" not in line
        assert "ann" not in line


def test_a_fault_of_the_system_keeps_what_the_system_calls_it() -> None:
    assert (
        logs.named(OSError(28, "No space left on device", "/secret/path"))
        == "OSError: No space left on device"
    )
    assert logs.named(Refused(Code.TOO_LARGE, "words of a mail")) == "Refused: too_large"
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(":memory:").execute("SELECT * FROM nowhere")
    assert logs.named(caught.value) == "OperationalError: SQLITE_ERROR"


def test_a_fault_that_is_its_own_cause_ends() -> None:
    error = RuntimeError()
    other = ValueError()
    error.__context__, other.__context__ = other, error
    assert len(logs.places((RuntimeError, error, None))) <= 10


def test_libraries_are_heard_from_warnings_on_and_we_from_the_level_that_is_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    levels = {name: logging.getLogger(name).level for name in ("", *logs.OURS)}
    try:
        logs.begin("text", "info")
        logging.getLogger("aiosqlite").info("a statement")
        logging.getLogger("engine.x").info("we say")
        logging.getLogger("engine.x").debug("too much")
        logs.begin("json", "error")
        logging.getLogger("uvicorn").warning("a warning")
        logging.getLogger("cis_mcp.x").error("we failed")
    finally:
        root.handlers[:] = before
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("INFO engine.x: we say")
    assert json.loads(lines[1])["message"] == "we failed"
