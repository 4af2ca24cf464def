"""Read a list of recipients from JSON lines, or one JSON array: contacts of any program, endpoints of Pinpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from engine.commands.tables import csvlist, table
from engine.model.list_rows import ListRow
from engine.refusals import Code, Refused

_DEPTH = 3
_COLUMNS_MAX = 200


def read(text: str, first: int = 1) -> list[ListRow]:
    """The rows of a list, numbered from `first`; whoever opted out has the code ADDRESS_SUPPRESSED.

    Endpoints of other channels than mail are left out. Raises Refused: CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE.
    """
    entries = [entry for entry in _entries(text) if _is_mail(entry)]
    table.refuse_too_many(len(entries), table.ROWS_MAX)
    if not entries:
        raise Refused(Code.EMPTY_LIST, "The list has no entry.", "Give one JSON object for each recipient.")
    rows = csvlist.read_objects(map(_flat, entries), first)
    return [
        replace(row, code=Code.ADDRESS_SUPPRESSED.value) if _opted_out(entry) else row
        for row, entry in zip(rows, entries, strict=True)
    ]


def _entries(text: str) -> Iterator[Mapping[str, object]]:
    text = text.lstrip("\ufeff \t\r\n")
    found: Iterable[object] = _parsed(text, 1) if text.startswith("[") else _lines(text)  # type: ignore[assignment]
    for number, entry in enumerate(found, 1):
        if not isinstance(entry, dict):
            raise table.unreadable(f"Entry {number} of the list is no JSON object.")
        yield entry


def _lines(text: str) -> Iterator[object]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _parsed(line, number)


def _parsed(text: str, line: int) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise table.unreadable(f"Line {line} of the list is no JSON.") from None


# endpoints of Amazon Pinpoint: ChannelType, Address, OptOut, EndpointStatus, Attributes, User.UserAttributes


def _is_mail(entry: Mapping[str, object]) -> bool:
    return str(entry.get("ChannelType", "EMAIL")) == "EMAIL"


def _opted_out(entry: Mapping[str, object]) -> bool:
    return "ChannelType" in entry and (
        entry.get("OptOut") == "ALL" or entry.get("EndpointStatus") == "INACTIVE"
    )


def _flat(entry: Mapping[str, object]) -> Mapping[str, str]:
    """The columns of an entry; those of an object inside it have their own names, or behind its name if taken."""
    if "ChannelType" in entry:
        user = entry.get("User")
        about = user.get("UserAttributes") if isinstance(user, dict) else {}
        entry = {"email": entry.get("Address", ""), "about": about, "attributes": entry.get("Attributes")}
    found: dict[str, str] = {}
    _gather(entry, "", 0, found)
    return found


def _gather(values: Mapping[str, object], above: str, depth: int, found: dict[str, str]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            if depth < _DEPTH:
                _gather(value, f"{above}{name}.", depth + 1, found)
        elif len(found) < _COLUMNS_MAX:
            found[name if name not in found else f"{above}{name}"] = _text(value)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value if not isinstance(each, (dict, list)))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
