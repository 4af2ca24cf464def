"""Converts rows of a table to documents and back, for moving a store."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter

from engine.refusals import Code, Refused
from engine.store.protocol.moving import place_number, place_text
from engine.store.sqlite import rows
from engine.store.sqlite.sealing import FILE

Value = Mapping[str, Any]
_MOMENT = TypeAdapter(datetime)


@dataclass(frozen=True)
class KindColumns:
    """A kind of document: the statement that reads its rows, and the one that writes a document."""

    kind: str
    select: str
    document: Callable[[sqlite3.Row], dict[str, Any]]
    insert: str
    values: Callable[[Value], Sequence[object]]


class Codec(NamedTuple):
    """Converts a column to JSON and back."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def time_text(seconds: float) -> str:
    """A moment in the form of documents."""
    return str(_MOMENT.dump_python(rows.at(seconds), mode="json"))


def time_seconds(text: str) -> float:
    """The seconds for a moment in the form of documents."""
    return _MOMENT.validate_python(text).timestamp()


def or_none(codec: Codec) -> Codec:
    """The same codec, which also accepts None."""
    return Codec(
        lambda found: None if found is None else codec.read(found),
        lambda said: None if said is None else codec.write(said),
    )


AS_IS = Codec(lambda found: found, lambda said: said)
TIME = Codec(time_text, time_seconds)
FLAG = Codec(bool, int)
PLACE = Codec(place_text, place_number)
JSON = Codec(json.loads, json.dumps)
HEX = Codec(lambda found: bytes(found).hex(), bytes.fromhex)
BASE64 = Codec(lambda found: base64.b64encode(found).decode(), base64.b64decode)


def columns(kind: str, table: str, /, **fields: tuple[str, Codec] | Codec) -> KindColumns:
    """A kind whose documents have a field per column, with the same name unless another is given."""
    named = {name: one if not isinstance(one, Codec) else (name, one) for name, one in fields.items()}
    read = {name: (column, codec) for name, (column, codec) in named.items()}

    def document(row: sqlite3.Row) -> dict[str, Any]:
        return {name: codec.read(row[column]) for name, (column, codec) in read.items()}

    def values(value: Value) -> Sequence[object]:
        return [codec.write(value[name]) for name, (_, codec) in read.items()]

    return KindColumns(
        kind, f"SELECT * FROM {table}", document, inserting(table, [c for c, _ in read.values()]), values
    )


def inserting(table: str, names: Sequence[str]) -> str:
    """The statement that inserts these columns."""
    return f"INSERT INTO {table}({', '.join(names)}) VALUES ({','.join('?' * len(names))})"


Getter = str | Callable[[Any], Any]


def bodies(
    kind: str,
    table: str,
    model: type[BaseModel],
    /,
    *same: str,
    where: str = "",
    field: str = "",
    place: str = "",
    placed: str = "place",
    **getters: Getter,
) -> KindColumns:
    """A kind whose rows hold a model as JSON, with columns to search by.

    `same`: columns named like attributes; `getters`: the others, each with an attribute's name or a function.
    `field`: the field of the document that holds the model; empty: the model is the document. `place`: the column of
    the place in the order of storing, which is the document's field `placed`.
    """
    got: dict[str, Getter] = {**dict.fromkeys(same, ""), **getters}

    def document(row: sqlite3.Row) -> dict[str, Any]:
        said = model.model_validate_json(row["body"]).model_dump(mode="json")
        found = {field: said} if field else said
        return {placed: place_text(row[place]), **found} if place else found

    def values(value: Value) -> Sequence[object]:
        one = model.model_validate_json(json.dumps(value[field] if field else value))
        found = [
            as_column(get(one) if callable(get) else getattr(one, get or name)) for name, get in got.items()
        ]
        first = [place_number(value[placed])] if place else []
        return [*first, *found, one.model_dump_json()]

    select = f"SELECT * FROM {table} WHERE {where}" if where else f"SELECT * FROM {table}"
    if place == "rowid":
        select = select.replace("*", "rowid, *", 1)
    return KindColumns(
        kind, select, document, inserting(table, [*([place] if place else []), *got, "body"]), values
    )


def as_column(value: object) -> object:
    """A value of the model in the form of a column."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value


def unsealed(row: sqlite3.Row) -> str:
    """The secret of a row, empty if it has none. Raises Refused: NOT_ALLOWED if it does not open."""
    if row["sealed"] and not row["secret"]:
        why = f"a secret of {row['id']} does not open: its key, {FILE}, is not beside the database."
        raise Refused(Code.NOT_ALLOWED, why, "Bring the file back from where the database came from.")
    return str(row["secret"])
