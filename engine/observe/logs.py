"""Log lines for people or for machines; what is personal stays out of them, whoever writes them (promise 13)."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

Fault = tuple[type[BaseException], BaseException, TracebackType | None]

OURS = ("cis_mcp", "engine")
_FRAMES_MAX = 30
_LINE_MAX = 4_000
_CHAIN_MAX = 5
_ADDRESS = re.compile(r"[^\s<>\"'“”()\[\],;:=/]{1,320}@[\w.-]{1,255}|\b[\w.+%-]{1,64}%40[\w.-]{1,255}")
_KEY = re.compile(r"\bcis_[A-Za-z0-9_-]{8,}")
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_HIDDEN = (
    (("@", "%40"), _ADDRESS, "<address>"),
    (("cis_",), _KEY, "<key>"),
    (("",), _BEARER, "<key>"),
    (("eyJ",), _JWT, "<key>"),
)
"""What is hidden, and texts of which one stands in each."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def begin(style: str = "text", level: str = "info") -> None:
    """Write our own log from `level` on, and the warnings of all libraries, to stderr; replaces what was set before.

    `style`: text, or json, one object a line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    own = getattr(logging, level.upper())
    root.setLevel(max(own, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(own)


def adjust(style: str, level: str) -> None:
    """As `begin`, where the log was begun; a program that only uses our parts keeps its own."""
    if any(isinstance(handler.formatter, TextLines | JsonLines) for handler in logging.getLogger().handlers):
        begin(style, level)


def discreet(text: str) -> str:
    """`text` on one line, shortened, without addresses, keys and tokens."""
    text = _CONTROLS.sub(" ", text[: 2 * _LINE_MAX])
    for marks, pattern, instead in _HIDDEN:
        # A line of the log is written for each mail, and most have none of the marks.
        if any(mark in text for mark in marks):
            text = pattern.sub(instead, text)
    return text[:_LINE_MAX]


def places(fault: Fault) -> list[str]:
    """What went wrong, by the names of the exceptions, and where; their texts may quote a mail, and stay out."""
    found: list[str] = []
    error: BaseException | None = fault[1]
    for _ in range(_CHAIN_MAX):
        if error is None:
            break
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
        found.append(named(error))
        found += [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def named(error: BaseException) -> str:
    """An exception by its kind, and by what the system calls it; never by its text."""
    kind = type(error).__name__
    more = getattr(error, "sqlite_errorname", None) or getattr(error, "code", None)
    if isinstance(error, OSError) and error.errno is not None:
        more = error.strerror
    return f"{kind}: {discreet(str(more))[:200]}" if isinstance(more, str) else kind


class TextLines(logging.Formatter):
    """Time, level, place and words; the places of a fault on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {record.name}: {_words(record)}"
        fault = _fault(record)
        return "\n  ".join([line, *places(fault)]) if fault else line


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and `fault` where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _words(record),
            "process": record.process,
        }
        fault = _fault(record)
        if fault:
            told["fault"] = places(fault)
        return json.dumps(told, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _words(record: logging.LogRecord) -> str:
    message = record.getMessage()
    return message if record.levelno < logging.INFO else discreet(message)


def _fault(record: logging.LogRecord) -> Fault | None:
    info = record.exc_info
    return (info[0], info[1], info[2]) if info and info[0] and info[1] else None
