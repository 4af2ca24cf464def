"""Log lines for people or machines, without personal data, whichever library writes them (promise 13)."""

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
"""Patterns to hide with their replacements, each with texts of which a match contains at least one."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def begin(style: str = "text", level: str = "info") -> None:
    """Log our own messages from `level` up, and all libraries' warnings, to stderr; replaces the earlier setting.

    `style`: text, or json for one object per line.
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
    """As `begin`, but only if `begin` was called before; a program that embeds us keeps its own logging."""
    if any(isinstance(handler.formatter, TextLines | JsonLines) for handler in logging.getLogger().handlers):
        begin(style, level)


def discreet(text: str) -> str:
    """`text` on one line, shortened, without addresses, keys and tokens."""
    text = _CONTROLS.sub(" ", text[: 2 * _LINE_MAX])
    for marks, pattern, instead in _HIDDEN:
        # A line is logged for each mail, and most contain none of these texts.
        if any(mark in text for mark in marks):
            text = pattern.sub(instead, text)
    return text[:_LINE_MAX]


def places(fault: Fault) -> list[str]:
    """The names and places of a chain of exceptions, without their messages, which may quote a mail."""
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
    """An exception's type and, if any, the system's error name; never its message."""
    kind = type(error).__name__
    more = getattr(error, "sqlite_errorname", None) or getattr(error, "code", None)
    if isinstance(error, OSError) and error.errno is not None:
        more = error.strerror
    return f"{kind}: {discreet(str(more))[:200]}" if isinstance(more, str) else kind


class TextLines(logging.Formatter):
    """Formats a line of time, level, logger and message; the places of an exception follow on separate lines."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {record.name}: {_words(record)}"
        fault = _fault(record)
        return "\n  ".join([line, *places(fault)]) if fault else line


class JsonLines(logging.Formatter):
    """Formats one JSON object per line: time, level, logger, message, and `fault` for an exception."""

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
