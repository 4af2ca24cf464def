"""The kinds whose documents come from several tables, or from only a few columns, for moving a store."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.model import cursors
from engine.model.bulk_changes import BulkChange
from engine.model.held import OrganizerApproval
from engine.model.messages import Attempt, Fanout, Kind, Message, MessageState, Notice
from engine.model.people import Attendee
from engine.model.suppressions import Suppression
from engine.model.triggers import Trigger
from engine.model.webhooks import Webhook
from engine.store.protocol.moving import LOST, place_number, place_text
from engine.store.sqlite import rows
from engine.store.sqlite.moving_columns import FLAG, TIME, Value, inserting, or_none, unsealed
from engine.store.sqlite.sealing import listed, unlisted

Said = Iterator[dict[str, Any]]
_LOT = 300


@dataclass(frozen=True)
class KindSteps:
    """A kind of document: the functions that read and write its documents."""

    kind: str
    read: Callable[[sqlite3.Connection, datetime], Said]
    write: Callable[[sqlite3.Connection, Sequence[Value]], None]


def _each(connection: sqlite3.Connection, sql: str) -> Iterator[sqlite3.Row]:
    yield from connection.execute(sql)


def _lots(connection: sqlite3.Connection, sql: str) -> Iterator[list[sqlite3.Row]]:
    cursor = connection.execute(sql)
    while found := cursor.fetchmany(_LOT):
        yield found


# organizers

_PROFILE = {
    **dict.fromkeys(("address", "name", "zone", "language"), None),
    **dict.fromkeys(("suspended", "named", "lists", "drafts"), FLAG),
    "created": TIME,
    "registered": or_none(TIME),
}


def _organizers(connection: sqlite3.Connection, _now: datetime) -> Said:
    sql = (
        "SELECT *, (SELECT json_group_array(address) FROM (SELECT address FROM organizer_address a "
        "WHERE a.organizer = organizer.address ORDER BY 1)) AS addresses FROM organizer"
    )
    for row in _each(connection, sql):
        said = {n: codec.read(row[n]) if codec else row[n] for n, codec in _PROFILE.items()}
        yield {**said, "addresses": json.loads(row["addresses"])}


def _keep_organizers(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    sets = ", ".join(f"{name} = excluded.{name}" for name in _PROFILE if name != "address")
    connection.executemany(
        f"{inserting('organizer', list(_PROFILE))} ON CONFLICT(address) DO UPDATE SET {sets}",
        [[codec.write(v[n]) if codec else v[n] for n, codec in _PROFILE.items()] for v in found],
    )
    further = [(address, v["address"]) for v in found for address in v["addresses"]]
    connection.executemany("INSERT INTO organizer_address(address, organizer) VALUES (?,?)", further)


def _approvals(connection: sqlite3.Connection, _now: datetime) -> Said:
    for row in _each(connection, "SELECT address, approval FROM organizer WHERE approval IS NOT NULL"):
        yield {
            "organizer": row["address"],
            "approval": OrganizerApproval.model_validate_json(row["approval"]).model_dump(mode="json"),
        }


def _keep_approvals(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    connection.executemany(
        "INSERT INTO organizer(address, name, created, approval) VALUES (?, '', 0, ?) "
        "ON CONFLICT(address) DO UPDATE SET approval = excluded.approval",
        [(v["organizer"], json.dumps(v["approval"])) for v in found],
    )


# the ledger

_MESSAGE = "m.*, m.id IN (SELECT value FROM lease, json_each(lease.run)) AS leased"
_NAMED = "(SELECT max(transport_id) FROM transport_name t WHERE t.message = m.id) AS transport_id"


def _owed(connection: sqlite3.Connection, found: Sequence[sqlite3.Row], now: datetime) -> Said:
    """Messages with their attempts; those that were being sent are in doubt."""
    tried: dict[int, list[Attempt]] = {}
    ids = json.dumps([row["id"] for row in found])
    sql = "SELECT * FROM attempt WHERE message IN (SELECT value FROM json_each(?)) ORDER BY message, n"
    for one in connection.execute(sql, [ids]):
        attempt = Attempt(at=rows.at(one["at"]), state=one["state"], code=one["code"], answer=one["answer"])
        tried.setdefault(one["message"], []).append(attempt)
    for row in found:
        yield _with_tries(row, tried.get(row["id"], []), now)


def _with_tries(row: sqlite3.Row, tried: list[Attempt], now: datetime) -> dict[str, Any]:
    m = rows.message(row).model_copy(update={"id": place_text(row["id"])})
    if m.state is MessageState.SENDING:
        m = m.model_copy(update={"state": MessageState.QUEUED, "in_doubt": True})
        tried = [*tried, Attempt(at=now, state=MessageState.QUEUED, code="in_doubt", answer=LOST)]
    return {
        "message": m.model_dump(mode="json"),
        "priority": row["priority"],
        "held": bool(row["held"]),
        "attempts": [attempt.model_dump(mode="json") for attempt in tried],
        "transport_id": row["transport_id"] or "",
    }


def _attendees(connection: sqlite3.Connection, now: datetime) -> Said:
    for some in _lots(connection, f"SELECT {rows.ATTENDEE} FROM attendee ORDER BY id"):
        pairs = json.dumps([[row["event_uid"], row["email"]] for row in some])
        sql = (
            f"SELECT {_MESSAGE}, {_NAMED} FROM json_each(?) p JOIN message m ON m.event_uid = p.value ->> 0 "
            "AND m.email = p.value ->> 1 WHERE m.method IS NOT NULL ORDER BY m.id"
        )
        owed: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for one in _owed(connection, list(connection.execute(sql, [pairs])), now):
            owed.setdefault((one["message"]["event_uid"], one["message"]["email"]), []).append(one)
        for row in some:
            said = rows.attendee(row).model_dump(mode="json")
            yield {"attendee": said, "messages": owed.get((row["event_uid"], row["email"]), [])}


def _keep_attendees(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    people = [Attendee.model_validate_json(json.dumps(v["attendee"])) for v in found]
    names = rows.ATTENDEE_COLUMNS.split(", ")
    connection.executemany(inserting("attendee", names), map(rows.attendee_values, people))
    _keep_mails(connection, [owed for v in found for owed in v["messages"]])


def _mails(connection: sqlite3.Connection, now: datetime) -> Said:
    sql = f"SELECT {_MESSAGE}, {_NAMED} FROM message m WHERE method IS NULL ORDER BY id"
    for some in _lots(connection, sql):
        yield from _owed(connection, some, now)


def _keep_mails(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    owed = [
        (place_number(v["message"]["id"]), v, Message.model_validate_json(json.dumps(v["message"])))
        for v in found
    ]
    names = ["id", *rows.MESSAGE_COLUMNS.split(", "), "attempts", "settled", "code", "answer", "in_doubt"]
    connection.executemany(
        inserting("message", names),
        [
            [n, *rows.message_values(m, v["priority"], held=v["held"]), m.attempts, rows.seconds(m.settled),
             m.code, m.answer, int(m.in_doubt)]
            for n, v, m in owed
        ],
    )  # fmt: skip
    tried = [
        (n, place, TIME.write(one["at"]), one["state"], one["code"], one["answer"])
        for n, v, _ in owed
        for place, one in enumerate(v["attempts"], start=1)
    ]
    connection.executemany(inserting("attempt", ["message", "n", "at", "state", "code", "answer"]), tried)
    named = [(v["transport_id"], n) for n, v, _ in owed if v["transport_id"]]
    connection.executemany("INSERT INTO transport_name(transport_id, message) VALUES (?,?)", named)


# jobs


def _fanouts(connection: sqlite3.Connection, _now: datetime) -> Said:
    for row in _each(connection, "SELECT * FROM fanout ORDER BY id"):
        job = Fanout.model_validate_json(row["body"])
        own = {"id": place_text(row["id"]), "due": rows.moment(row["due"])}
        kept = {"cursor": str(row["cursor"] or "") if of_list(job) else ""}
        yield job.model_copy(update={**own, **kept}).model_dump(mode="json")


def of_list(job: Fanout) -> bool:
    """True for a job over the rows of a list, whose cursor means the same in every store."""
    return bool(job.campaign_id) and job.kind is Kind.INVITE


def _keep_fanouts(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    for v in found:
        job = Fanout.model_validate_json(json.dumps(v))
        said = [place_number(job.id), job.event_uid, job.campaign_id]
        body = job.model_dump_json(exclude={"id", "cursor"})
        names = ["id", "event_uid", "campaign_id", "body", "cursor", "due"]
        values = [*said, body, int(job.cursor or 0), rows.seconds(job.due)]
        connection.execute(inserting("fanout", names), values)


def _bulk_changes(connection: sqlite3.Connection, _now: datetime) -> Said:
    for row in _each(connection, "SELECT * FROM bulk_change ORDER BY id"):
        change = BulkChange.model_validate_json(row["body"]).model_copy(update={"cursor": ""})
        yield {"id": place_text(row["id"]), "change": change.model_dump(mode="json")}


def _keep_bulk_changes(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    for v in found:
        change = BulkChange.model_validate_json(json.dumps(v["change"]))
        values = [place_number(v["id"]), change.scope, change.model_dump_json()]
        connection.execute(inserting("bulk_change", ["id", "scope", "body"]), values)


# notices, people, the do-not-mail list


def _notice(said: Mapping[str, Any]) -> dict[str, Any]:
    return Notice.model_validate(said).model_dump(mode="json")


def _tellings(connection: sqlite3.Connection, _now: datetime) -> Said:
    sql = (
        "SELECT *, (SELECT json_group_array(json_array(json(body), event_uid)) FROM (SELECT * FROM gathered_notice g "
        "WHERE g.address = telling.address ORDER BY id)) AS waiting FROM telling"
    )
    for row in _each(connection, sql):
        waiting = [
            {"notice": _notice(notice), "event_uid": uid} for notice, uid in json.loads(row["waiting"])
        ]
        times = {"at": TIME.read(row["at"]), "due": or_none(TIME).read(row["due"])}
        yield {"address": row["address"], **times, "waiting": waiting, "more": row["more"]}


def _keep_tellings(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    due = or_none(TIME).write
    said = [(v["address"], TIME.write(v["at"]), due(v["due"]), v["more"]) for v in found]
    connection.executemany(inserting("telling", ["address", "at", "due", "more"]), said)
    waiting = [
        (v["address"], one["event_uid"], json.dumps(one["notice"])) for v in found for one in v["waiting"]
    ]
    connection.executemany(inserting("gathered_notice", ["address", "event_uid", "body"]), waiting)


def _people(connection: sqlite3.Connection, _now: datetime) -> Said:
    sql = (
        "SELECT person, json_group_array(json(one)) AS found FROM ("
        "SELECT person, json_array('', day, n, prompted) AS one FROM person_mail "
        "UNION ALL SELECT person, json_array(key, first, day, n) FROM key_person) GROUP BY person"
    )
    for row in _each(connection, sql):
        found = json.loads(row["found"])
        days = {str(day): [n, prompted] for key, day, n, prompted in found if not key}
        keys = {key: [first, day, n] for key, first, day, n in found if key}
        yield {"person": row["person"], "days": days, "keys": keys}


def _keep_people(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    days = [(int(day), v["person"], *counts) for v in found for day, counts in v["days"].items()]
    connection.executemany(inserting("person_mail", ["day", "person", "n", "prompted"]), days)
    met = [(key, v["person"], *counts) for v in found for key, counts in v["keys"].items()]
    connection.executemany(inserting("key_person", ["key", "person", "first", "day", "n"]), met)


def _suppressions(connection: sqlite3.Connection, _now: datetime) -> Said:
    sql = (
        "SELECT email AS target, '' AS organizer, reason, at FROM suppression "
        "UNION ALL SELECT email, organizer, reason, at FROM block "
        "UNION ALL SELECT domain, organizer, reason, at FROM suppressed_domain"
    )
    for row in _each(connection, sql):
        names = ("target", "organizer", "reason")
        yield {**{name: row[name] for name in names}, "at": TIME.read(row["at"])}


def _keep_suppressions(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    for v in found:
        entry = Suppression.model_validate_json(json.dumps(v))
        table, target = ("block", "email") if entry.organizer else ("suppression", "email")
        if entry.is_domain:
            table, target = "suppressed_domain", "domain"
        values = {target: entry.target, "reason": entry.reason, "at": entry.at.timestamp()}
        if table != "suppression":
            values["organizer"] = entry.organizer
        connection.execute(inserting(table, list(values)), list(values.values()))


def _hosts(connection: sqlite3.Connection, _now: datetime) -> Said:
    sql = "SELECT organizer, json_group_array(host) AS hosts FROM (SELECT * FROM landing_host ORDER BY 1, 2) GROUP BY 1"
    for row in _each(connection, sql):
        yield {"organizer": row["organizer"], "hosts": json.loads(row["hosts"])}


def _keep_hosts(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    hosts = [(v["organizer"], host) for v in found for host in v["hosts"]]
    connection.executemany(inserting("landing_host", ["organizer", "host"]), hosts)


def _forgetting_keys(connection: sqlite3.Connection, _now: datetime) -> Said:
    for row in _each(connection, "SELECT key FROM forgetting_key"):
        yield {"name": "key", "key": base64.b64encode(row["key"]).decode()}


def _keep_forgetting_keys(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    for v in found:
        connection.execute("INSERT INTO forgetting_key VALUES (1, ?)", [base64.b64decode(v["key"])])


def _dropped(connection: sqlite3.Connection, _now: datetime) -> Said:
    found = {
        row["name"]: row["n"] for row in _each(connection, "SELECT * FROM tally WHERE scope = 'dropped'")
    }
    if any(found.values()):
        yield {name: found.get(name, 0) for name in ("mails", "bytes")}


def _keep_dropped(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    said = [("dropped", "", name, n) for v in found for name, n in v.items()]
    connection.executemany(inserting("tally", ["scope", "key", "name", "n"]), said)


# with secrets, and a place in the log


def _told(cursor: str) -> int:
    """The last change that the cursor's holder has received."""
    return int(str(cursors.opened(cursor, int)[0]))


def _pointed(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "cursor": _told(said["cursor"]) if said["cursor"] else None}


def _cursor(value: Mapping[str, Any]) -> dict[str, Any]:
    return {**value, "cursor": "" if value["cursor"] is None else cursors.written(value["cursor"])}


def _triggers(connection: sqlite3.Connection, _now: datetime) -> Said:
    for row in _each(connection, "SELECT *, opened(sealed, id) AS secret FROM hook_trigger"):
        secrets = {"secrets": unlisted(unsealed(row))}
        trigger = Trigger.model_validate_json(row["body"]).model_copy(update=secrets)
        yield {"trigger": _pointed(trigger.model_dump(mode="json")), "unproven": row["refused"]}


def _keep_triggers(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    for v in found:
        t = Trigger.model_validate_json(json.dumps(_cursor(v["trigger"])))
        body = t.model_dump_json(exclude={"secrets"})
        connection.execute(
            "INSERT INTO hook_trigger(id, name, organizer, body, refused, sealed) VALUES (?1,?2,?3,?4,?5,seal(?6, ?1))",
            [t.id, t.name, t.organizer, body, v["unproven"], listed(t.secrets)],
        )


def _webhooks(connection: sqlite3.Connection, _now: datetime) -> Said:
    for row in _each(connection, "SELECT *, opened(sealed, id) AS secret FROM webhook"):
        secrets = unlisted(unsealed(row))
        webhook = Webhook.model_validate({**json.loads(row["body"]), "secrets": secrets})
        yield _pointed(webhook.model_dump(mode="json"))


def _keep_webhooks(connection: sqlite3.Connection, found: Sequence[Value]) -> None:
    for v in found:
        w = Webhook.model_validate_json(json.dumps(_cursor(v)))
        body = w.model_dump_json(exclude={"secrets"})
        connection.execute(
            "INSERT INTO webhook(id, organizer, body, sealed) VALUES (?1,?2,?3,seal(?4, ?1))",
            [w.id, w.organizer, body, listed(w.secrets)],
        )


GROUPS: Sequence[KindSteps] = (
    KindSteps("organizer", _organizers, _keep_organizers),
    KindSteps("approval", _approvals, _keep_approvals),
    KindSteps("attendee", _attendees, _keep_attendees),
    KindSteps("mail", _mails, _keep_mails),
    KindSteps("fanout", _fanouts, _keep_fanouts),
    KindSteps("bulk-change", _bulk_changes, _keep_bulk_changes),
    KindSteps("telling", _tellings, _keep_tellings),
    KindSteps("person", _people, _keep_people),
    KindSteps("do-not-mail", _suppressions, _keep_suppressions),
    KindSteps("landing-hosts", _hosts, _keep_hosts),
    KindSteps("forgetting-key", _forgetting_keys, _keep_forgetting_keys),
    KindSteps("dropped", _dropped, _keep_dropped),
    KindSteps("trigger", _triggers, _keep_triggers),
    KindSteps("webhook", _webhooks, _keep_webhooks),
)
