"""Writes TNEF (winmail.dat) byte by byte as MS-OXTNEF and MS-OXOCAL say, for the tests that read it."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

APPOINTMENT = UUID("00062002-0000-0000-c000-000000000046")
MEETING = UUID("6ed8da90-450b-101b-98da-00aa003f1305")
Key = int | tuple[UUID, int] | tuple[UUID, str]
Value = int | bool | str | bytes | datetime

REQUEST = "IPM.Microsoft Schedule.MtgReq"
CANCELLATION = "IPM.Microsoft Schedule.MtgCncl"
START, END = datetime(2027, 5, 3, 15, tzinfo=UTC), datetime(2027, 5, 3, 16, 30, tzinfo=UTC)
STAMP = datetime(2027, 2, 1, 12, tzinfo=UTC)
OUTLOOK_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")
SUNDAY, MONDAY, TUESDAY, WEDNESDAY = 1, 2, 4, 8
_1601 = datetime(1601, 1, 1, tzinfo=UTC)


def attribute(level: int, number: int, data: bytes, kind: int = 0x0006) -> bytes:
    """One attribute, with its checksum."""
    return struct.pack("<BHHI", level, number, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def tnef(message_class: str, properties: Mapping[Key, Value], *attachments: bytes) -> bytes:
    """A whole message; `attachments` are what `attachment` makes."""
    return b"".join(
        [
            struct.pack("<IH", 0x223E9F78, 1),
            attribute(1, 0x9006, struct.pack("<I", 0x00010000), 0x0008),
            attribute(1, 0x9007, struct.pack("<II", 1252, 0)),
            attribute(1, 0x8008, message_class.encode() + b"\0", 0x0007),
            attribute(1, 0x9003, mapi(properties)),
            *attachments,
        ]
    )


def attachment(name: str, content: bytes) -> bytes:
    """An attached file."""
    return b"".join(
        [
            attribute(2, 0x9002, struct.pack("<HIHHII", 1, 0, 32, 32, 0, 0)),
            attribute(2, 0x8010, name.encode() + b"\0", 0x0001),
            attribute(2, 0x800F, content),
        ]
    )


def embedded(message: bytes) -> bytes:
    """Another message, attached."""
    content = UUID("00020307-0000-0000-c000-000000000046").bytes_le + message
    body = struct.pack("<IHHI", 1, 0x000D, 0x3701, 1) + _sized(content)
    return attribute(2, 0x9002, bytes(14)) + attribute(2, 0x9005, body)


def mapi(properties: Mapping[Key, Value]) -> bytes:
    """A stream of MAPI properties."""
    return struct.pack("<I", len(properties)) + b"".join(_property(k, v) for k, v in properties.items())


def _property(key: Key, value: Value) -> bytes:
    kind, data = _typed(value)
    if isinstance(key, int):
        return struct.pack("<HH", kind, key) + data
    names, name = key
    head = struct.pack("<HH", kind, 0x8000) + names.bytes_le
    if isinstance(name, int):
        return head + struct.pack("<II", 0, name) + data
    return head + struct.pack("<I", 1) + _sized(f"{name}\0".encode("utf-16-le")) + data


def _typed(value: Value) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 0x000B, struct.pack("<HH", value, 0)
    if isinstance(value, int):
        return 0x0003, struct.pack("<i", value)
    if isinstance(value, datetime):
        return 0x0040, struct.pack("<Q", (value - _1601) // timedelta(microseconds=1) * 10)
    if isinstance(value, str):
        return 0x001F, struct.pack("<I", 1) + _sized(f"{value}\0".encode("utf-16-le"))
    return 0x0102, struct.pack("<I", 1) + _sized(value)


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data + bytes(-len(data) % 4)


def meeting(**properties: Value) -> dict[Key, Value]:
    """The properties of a meeting in Berlin on 3 May 2027; further ones by their names below."""
    values: dict[str, Value] = {
        "subject": "Season opener",
        "start": START,
        "end": END,
        "location": "Hall 1; upstairs",
        "sequence": 2,
        "global_id": global_id(),
        "clean_id": global_id(),
        "zone": zone_definition("W. Europe Standard Time"),
        "owner_stamp": STAMP,
        "attendee_stamp": STAMP,
        "organizer_name": 'Olga "O" Organizer',
        **properties,
    }
    return {NAMES[name]: value for name, value in values.items()}


NAMES: dict[str, Key] = {
    "subject": 0x0037,
    "body": 0x1000,
    "organizer_name": 0x0042,
    "organizer_address": 0x5D02,
    "start": (APPOINTMENT, 0x820D),
    "end": (APPOINTMENT, 0x820E),
    "location": (APPOINTMENT, 0x8208),
    "sequence": (APPOINTMENT, 0x8201),
    "all_day": (APPOINTMENT, 0x8215),
    "recur": (APPOINTMENT, 0x8216),
    "zone_rules": (APPOINTMENT, 0x8233),
    "zone": (APPOINTMENT, 0x825E),
    "replaced": (APPOINTMENT, 0x8228),
    "counter": (APPOINTMENT, 0x8257),
    "proposed_start": (APPOINTMENT, 0x8250),
    "proposed_end": (APPOINTMENT, 0x8251),
    "global_id": (MEETING, 0x0003),
    "clean_id": (MEETING, 0x0023),
    "owner_stamp": (MEETING, 0x001A),
    "attendee_stamp": (MEETING, 0x0001),
}


def global_id(instance: date | None = None, data: bytes = b"\x01\x02\x03\x04" * 4) -> bytes:
    """A global object id (MS-OXOCAL 2.2.1.27), of one instance or of the whole meeting."""
    day = struct.pack(">HBB", instance.year, instance.month, instance.day) if instance else bytes(4)
    return OUTLOOK_ID + day + bytes(16) + struct.pack("<I", len(data)) + data


def foreign_id(uid: str) -> bytes:
    """The global object id in which Outlook keeps the UID of another client."""
    return global_id(data=b"vCal-Uid\x01\0\0\0" + uid.encode() + b"\0")


def zone_definition(name: str) -> bytes:
    """A time zone by its name in Windows (MS-OXOCAL 2.2.1.41)."""
    key = name.encode("utf-16-le")
    header = struct.pack("<HH", 0x0002, len(name)) + key + struct.pack("<H", 0)
    return struct.pack("<BBH", 2, 1, len(header)) + header


def zone_rules(
    bias: int, standard: Sequence[int] | None = None, daylight: Sequence[int] | None = None
) -> bytes:
    """A time zone by its rules (MS-OXOCAL 2.2.1.39); changes are (month, weekday, nth, hour)."""
    return struct.pack("<iii", bias, 0, -60 if daylight else 0) + _change(standard) + _change(daylight)


def _change(change: Sequence[int] | None) -> bytes:
    month, weekday, nth, hour = change or (0, 0, 0, 0)
    return struct.pack("<H8H", 0, 0, month, weekday, nth, hour, 0, 0, 0)


def recurrence(
    frequency: int,
    kind: int,
    period: int,
    *specifics: int,
    start: datetime,
    minutes: int = 90,
    count: int | None = None,
    until: date | None = None,
    deleted: Sequence[date] = (),
    changed: Sequence[tuple[datetime, datetime, str]] = (),
) -> bytes:
    """How a series recurs (MS-OXOCAL 2.2.1.44); times are on its own clock.

    `changed`: the start that an instance would have had, the one it has, and its subject.
    """
    first = datetime(start.year, start.month, start.day, tzinfo=UTC)
    gone = sorted([*(_day(d) for d in deleted), *(_day(original.date()) for original, *_ in changed)])
    moved = [_day(moment.date()) for _, moment, _ in changed]
    ends = 0x2022 if count else 0x2021 if until else 0x2023
    offset = start.hour * 60 + start.minute
    return b"".join(
        [
            struct.pack("<HHHHH", 0x3004, 0x3004, frequency, kind, 0),
            struct.pack("<III", 0, period, 0),
            struct.pack(f"<{len(specifics)}I", *specifics),
            struct.pack("<III", ends, count or 10, 0),
            *(struct.pack(f"<I{len(days)}I", len(days), *days) for days in (gone, moved)),
            struct.pack("<II", _minutes(first), _day(until) if until else 0x5AE980DF),
            struct.pack("<IIII", 0x3006, 0x3009, offset, offset + minutes),
            struct.pack("<H", len(changed)),
            *(_changed(*instance, minutes) for instance in changed),
            bytes(8),
        ]
    )


def _changed(original: datetime, moment: datetime, subject: str, minutes: int) -> bytes:
    text = subject.encode("cp1252")
    times = (_minutes(moment), _minutes(moment) + minutes, _minutes(original))
    flags = struct.pack("<H", 0x1 | 0x8)
    return (
        struct.pack("<III", *times) + flags + struct.pack("<HH", len(text) + 1, len(text)) + text + bytes(4)
    )


def _day(day: date) -> int:
    return _minutes(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _minutes(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - _1601) // timedelta(minutes=1)
