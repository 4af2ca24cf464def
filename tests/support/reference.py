"""A published Calendar Invite Server's table for tests: its items, as DynamoDB writes them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

UID = "0a1b2c3d4e5f6g7h8i9j0a1b2c3d4e5f6g7h8i9j"
GONE = "9z8y7x6w5v4u3t2s1r0q9z8y7x6w5v4u3t2s1r0q"
OLGA, SPAM = "olga@club.example", "spam@club.example"
STARTS = 1_809_284_400  # 2027-05-02T19:00:00Z

Typed = dict[str, Any]


def typed(value: Any) -> Typed:
    """A value with its type around it."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [typed(each) for each in value]}
    if isinstance(value, dict):
        return {"M": {name: typed(each) for name, each in value.items()}}
    return {"NULL": True} if value is None else {"S": str(value)}


def item(pk: str, sk: str, **values: Any) -> Typed:
    return {name: typed(value) for name, value in {"pk": pk, "sk": sk, **values}.items()}


def event(uid: str = UID, **values: Any) -> Typed:
    known = {
        "uid": uid,
        "original_uid": f"{uid[:8]}@client.example",
        "mailto": OLGA,
        "organizer": "olga[at]club.example",
        "original_organizer": OLGA,
        "summary": "Club night",
        "summary_html": "Club night",
        "description": "None",
        "description_html": "<p>Doors at <b>seven</b></p>",
        "location": "Pier 4",
        "dtstart": STARTS,
        "dtend": STARTS + 7_200,
        "created": STARTS - 9_000_000,
        "dtstamp": STARTS - 8_000_000,
        "last_modified": STARTS - 8_000_000,
        "sequence": 2,
        "status": "confirmed",
        "method": "request",
        "invite_limit": 2_400,
        "tenant": "thirtyone",
    }
    return item(f"event#{uid}", f"event#{uid}", **{**known, **values})


def attendee(email: str, status: str = "noaction", uid: str = UID, **values: Any) -> Typed:
    at = STARTS - 7_000_000
    history: list[Any] = [["noaction", str(at - 100), "31events//ses"]]
    history += [] if status == "noaction" else [[status, at, "Google Calendar"]]
    known = {
        "attendee": email,
        "mailto": OLGA,
        "name": "customer",
        "status": status,
        "origin": "bulk",
        "prodid": "31events//ses" if status == "noaction" else "-//Google Inc//Google Calendar//EN",
        "created": at - 100,
        "history": history,
    }
    return item(f"event#{uid}", f"attendee#{email}", **{**known, **values})


def installation() -> list[Typed]:
    """Two organizers, two events, five attendees, a block, a suspension, a bulk right; in the order of a scan."""
    return [
        item("attendee#blocks@people.example", f"block#{OLGA}"),
        attendee("maybe@people.example", "tentative", origin="vip", name="May Be"),
        attendee("no@people.example", "declined", origin="landingpage"),
        attendee("shared@people.example", "accepted", origin="shared"),
        attendee("silent@people.example"),
        attendee("yes@people.example", "accepted"),
        event(),
        item(f"event#{UID}", f"event_statistics#{UID}", attendees=5, rsvp={"accepted": 2}),
        event(GONE, status="cancelled", summary="", summary_html="Old &amp; gone", mailto=SPAM),
        item("original_event#0a1b2c3d@client.example", "original_event#0a1b2c3d@client.example", uid=UID),
        item(f"organizer#{OLGA}", f"bulk#{OLGA}"),
        item(f"organizer#{OLGA}", f"organizer_statistics#{OLGA}", attendees=5),
        item(f"organizer#{SPAM}", f"organizer_statistics#{SPAM}", attendees=0),
        item(f"organizer#{SPAM}", f"suspended#{SPAM}"),
        item("system#", "system_statistics#", attendees=5),
    ]


def exported(folder: Path, items: Sequence[Typed] | None = None) -> Path:
    """An export of the table to S3, as it lies there, copied to a folder."""
    data = folder / "AWSDynamoDB/01796000000000-abcdef/data"
    data.mkdir(parents=True)
    (data.parent / "manifest-files.json").write_text("{}")
    given = installation() if items is None else items
    for n, part in enumerate((given[::2], given[1::2])):
        lines = "".join(json.dumps({"Item": each}) + "\n" for each in part)
        (data / f"part{n}.json.gz").write_bytes(gzip.compress(lines.encode()))
    return folder
