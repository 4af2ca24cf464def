"""The kinds whose documents are rows of one table each, for moving a store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from engine.model.answers import InstanceAnswer, Proposal, Receipt
from engine.model.branding import Branding
from engine.model.campaign_links import CampaignLink, Vendor
from engine.model.campaigns import Campaign
from engine.model.confirmations import Confirmation
from engine.model.counters import Intake
from engine.model.events import Event
from engine.model.feeds import Feed
from engine.model.held import HeldAction, HeldState
from engine.model.inbox_messages import InboxMessage
from engine.model.keys import Key
from engine.model.pages import Page, PageRequest
from engine.model.pictures import Picture
from engine.model.plans import Enrolment, Purchase
from engine.model.sessions import LoginSession, SignInLink
from engine.model.triggers import Delivery, Posted, TriggerObject
from engine.model.undo import Undoable
from engine.model.webhooks import Posting
from engine.store.sqlite import rows
from engine.store.sqlite.moving_columns import (
    AS_IS,
    BASE64,
    FLAG,
    HEX,
    JSON,
    PLACE,
    TIME,
    Codec,
    KindColumns,
    Value,
    as_column,
    bodies,
    columns,
    inserting,
    or_none,
    unsealed,
)

Row = sqlite3.Row


def _campaign(row: Row) -> dict[str, Any]:
    return {"campaign": rows.campaign(row).model_dump(mode="json"), "uploading": row["state"] == "uploading"}


def _campaign_values(value: Value) -> Sequence[object]:
    c = Campaign.model_validate_json(json.dumps(value["campaign"]))
    state = "uploading" if value["uploading"] else c.state.value
    found = (c.id, c.event_uid, c.organizer, state, c.at, c.rate, c.created)
    return [*map(as_column, found), c.model_dump_json()]


def _entry(row: Row) -> dict[str, Any]:
    names = ("source_uid", "event_uid", "digest")
    return {"feed_id": row["feed_id"], "entry": {name: row[name] for name in names}}


def _list_row(row: Row) -> dict[str, Any]:
    said = {name: row[name] for name in ("row", "email", "name", "code", "detail")}
    return {"list_id": row["campaign_id"], "row": {**said, "fields": json.loads(row["fields"])}}


def _list_row_values(value: Value) -> Sequence[object]:
    r = value["row"]
    return [
        value["list_id"],
        r["row"],
        r["email"],
        r["name"],
        json.dumps(r["fields"]),
        r["code"],
        r["detail"],
    ]


def _instance(row: Row) -> dict[str, Any]:
    same = {name: row[name] for name in ("event_uid", "email", "recurrence_id", "partstat", "sequence")}
    found = {**same, "dtstamp": rows.at(row["dtstamp"]), "arrived": rows.at(row["arrived"])}
    return InstanceAnswer.model_validate(found).model_dump(mode="json")


def _instance_values(value: Value) -> Sequence[object]:
    a = InstanceAnswer.model_validate_json(json.dumps(value))
    same = (
        a.event_uid,
        a.email,
        rows.instant_text(a.recurrence_id),
        a.partstat,
        a.sequence,
        a.dtstamp,
        a.arrived,
    )
    return [as_column(one) for one in same]


def _prompt(row: Row) -> dict[str, Any]:
    said = {name: row[name] for name in ("kind", "address", "domain", "organizer")}
    return {"id": PLACE.read(row["id"]), "prompt": {**said, "at": TIME.read(row["at"])}}


def _prompt_values(value: Value) -> Sequence[object]:
    p = value["prompt"]
    said = [p[name] for name in ("kind", "address", "domain", "organizer")]
    return [PLACE.write(value["id"]), TIME.write(p["at"]), *said]


def _quota(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "quota": {"rate": row["rate"], "remaining": row["remaining"]},
        "read": TIME.read(row["read"]),
        "part": row["part"],
        "slowed": TIME.read(row["slowed"]) if row["slowed"] else None,
    }


def _quota_values(value: Value) -> Sequence[object]:
    slowed = TIME.write(value["slowed"]) if value["slowed"] else 0.0
    quota = value["quota"]
    return [
        value["name"],
        quota["rate"],
        value["part"],
        quota["remaining"],
        TIME.write(value["read"]),
        slowed,
    ]


def _link(row: Row) -> dict[str, Any]:
    link = CampaignLink.model_validate_json(row["body"]).model_copy(update={"key": unsealed(row)})
    counts = {name: row[name] for name in ("shown", "unmerged", "pressed")}
    return {"link": link.model_dump(mode="json"), **counts}


def _link_values(value: Value) -> Sequence[object]:
    link = CampaignLink.model_validate_json(json.dumps(value["link"]))
    body = link.model_dump_json(exclude={"key"})
    counts = [value[name] for name in ("shown", "unmerged", "pressed")]
    return [link.id, link.token, link.organizer, link.created.timestamp(), body, *counts, link.key]


def _delivery(row: Row) -> dict[str, Any]:
    return {
        "place": PLACE.read(row["seq"]),
        "delivery": Delivery.model_validate_json(row["body"]).model_dump(mode="json"),
        "payload": row["payload"],
        "posted": PLACE.read(row["posted"]) if row["posted"] is not None else "",
    }


def _delivery_values(value: Value) -> Sequence[object]:
    d = Delivery.model_validate_json(json.dumps(value["delivery"]))
    said = [as_column(one) for one in (d.id, d.trigger_id, d.delivery_id, d.state, d.due, d.object)]
    posted = PLACE.write(value["posted"]) if value["posted"] else None
    return [PLACE.write(value["place"]), *said, d.model_dump_json(), value["payload"], posted]


def _posted(row: Row) -> dict[str, Any]:
    head = Posted.model_validate({**json.loads(row["head"]), "body": b""})
    content = row["body"].encode() if row["bytes"] is None else bytes(row["bytes"])
    return {
        "id": PLACE.read(row["id"]),
        "trigger_id": row["trigger_id"],
        "received": TIME.read(row["received"]),
        "divided": bool(row["divided"]),
        "digest": row["digest"],
        "size": row["size"],
        "head": head.model_dump(mode="json"),
        "body": BASE64.read(content),
    }


def _posted_values(value: Value) -> Sequence[object]:
    head = Posted.model_validate_json(json.dumps(value["head"])).model_dump_json(exclude={"body"})
    content, text = BASE64.write(value["body"]), None
    with suppress(UnicodeDecodeError):
        text = None if b"\0" in content else content.decode()
    first = [
        PLACE.write(value["id"]),
        value["trigger_id"],
        TIME.write(value["received"]),
        int(value["divided"]),
    ]
    return [*first, value["digest"], value["size"], head, text, content if text is None else None]


def _posting(row: Row) -> dict[str, Any]:
    due = {"due": rows.moment(row["due"])}
    posting = Posting.model_validate_json(row["body"]).model_copy(update=due)
    outgoing = {"posting": posting.model_dump(mode="json"), "body": row["payload"]}
    return {"place": PLACE.read(row["seq"]), "outgoing": outgoing}


def _posting_values(value: Value) -> Sequence[object]:
    p = Posting.model_validate_json(json.dumps(value["outgoing"]["posting"]))
    said = [as_column(one) for one in (p.id, p.webhook_id, p.lane, p.state, p.due, p.created)]
    body = p.model_dump_json(exclude={"due"})
    return [PLACE.write(value["place"]), *said, body, value["outgoing"]["body"]]


def _picture(row: Row) -> dict[str, Any]:
    picture = Picture.model_validate_json(row["body"]).model_dump(mode="json")
    return {"picture": picture, "content": BASE64.read(row["content"])}


def _picture_values(value: Value) -> Sequence[object]:
    p = Picture.model_validate_json(json.dumps(value["picture"]))
    return [p.organizer, p.name, p.created.timestamp(), p.model_dump_json(), BASE64.write(value["content"])]


_TIME = or_none(TIME)
SPECS: Sequence[KindColumns] = (
    bodies("event", "event", Event, "uid", "organizer", "source_uid", "key", "status", "sequence",
           short_id="id", starts=lambda e: e.span.start_utc, ends="ends_at"),
    bodies("revision", "revision", Event, "sequence", event_uid="uid"),
    bodies("feed", "feed", Feed, "id", "organizer"),
    KindColumns("feed-entry", "SELECT * FROM feed_entry", _entry,
         inserting("feed_entry", ["feed_id", "source_uid", "event_uid", "digest"]),
         lambda v: [v["feed_id"], *(v["entry"][name] for name in ("source_uid", "event_uid", "digest"))]),
    KindColumns("campaign", "SELECT * FROM campaign", _campaign,
         inserting("campaign", ["id", "event_uid", "organizer", "state", "at", "rate", "created", "body"]),
         _campaign_values),
    KindColumns("row", "SELECT * FROM campaign_row ORDER BY campaign_id, row", _list_row,
         inserting("campaign_row", ["campaign_id", "row", "email", "name", "fields", "code", "detail"]),
         _list_row_values),
    bodies("receipt", "receipt", Receipt, "event_uid", "email", "arrived", "counted",
           field="receipt", place="id", placed="id"),
    KindColumns("instance", "SELECT * FROM instance_answer", _instance,
         inserting("instance_answer",
                   ["event_uid", "email", "recurrence_id", "partstat", "sequence", "dtstamp", "arrived"]),
         _instance_values),
    bodies("proposal", "proposal", Proposal, "id", "event_uid", "email", "state", "arrived",
           field="proposal", place="rowid"),
    columns("delegation", "delegation", event_uid=AS_IS, delegator=AS_IS, delegate=AS_IS, at=TIME, added=FLAG),
    columns("alias", "alias", event_uid=AS_IS, email=AS_IS, alias=AS_IS),
    columns("change", "change", id=AS_IS, at=TIME, kind=AS_IS, organizer=AS_IS, event_uid=AS_IS, email=AS_IS,
            campaign_id=AS_IS, sequence=AS_IS, status=AS_IS, code=AS_IS, words=AS_IS, chain=AS_IS, held=AS_IS),
    bodies("confirmation", "confirmation", Confirmation, "code", "address", "created", "kind", "mail", "expires",
           where="held IS NULL", open=lambda c: c.used is None),
    bodies("held", "confirmation", HeldAction, "code", "address", "created", "expires", "organizer",
           where="held IS NOT NULL", kind=lambda _: "held", open=lambda h: h.state is HeldState.WAITING,
           held="id", event_uid=lambda h: h.command.event_uid),
    bodies("key", "access_key", Key, "id", "digest", "address"),
    columns("address-list", "address_list", name=AS_IS, patterns=JSON),
    columns("stop", "stop", organizer=AS_IS, since=TIME, stopped_by=AS_IS),
    bodies("session", "session", LoginSession, "digest", "address", "seen", open=lambda s: s.ended is None),
    bodies("sign-in", "sign_in", SignInLink, "digest", "expires"),
    columns("digest", "digest", owner=AS_IS, day=AS_IS, until=_TIME),
    KindColumns("prompt", "SELECT * FROM prompted", _prompt,
         inserting("prompted", ["id", "at", "kind", "address", "domain", "organizer"]), _prompt_values),
    columns("proof", "organizer_proof", organizer=AS_IS, proof=AS_IS, first=("first_at", TIME), last=("last_at", TIME),
            sure=FLAG, warn=FLAG, notice=AS_IS),
    columns("trial", "organizer_trial", organizer=AS_IS, since=TIME, mail=AS_IS, people=AS_IS),
    columns("forgetting", "forgetting", address=AS_IS, alias=AS_IS),
    columns("key-day", "key_day", key=AS_IS, day=AS_IS, mails=AS_IS, people=AS_IS, changes=AS_IS),
    columns("reserve", "key_reserve", campaign_id=AS_IS, key=AS_IS, day=AS_IS, mails=AS_IS, people=AS_IS,
            changes=AS_IS),
    KindColumns("quota", "SELECT * FROM quota", _quota,
         inserting("quota", ["name", "rate", "part", "remaining", "read", "slowed"]), _quota_values),
    columns("pace", "pace", name=("key", AS_IS), next=AS_IS),
    columns("sent-hour", "sent_hour", hour=AS_IS, n=AS_IS),
    bodies("intake", "intake", Intake, "id", "at"),
    columns("remembered", "remembered", actor=AS_IS, key=AS_IS, digest=AS_IS, uid=AS_IS, at=TIME),
    columns("kept-mail", "kept_mail", mail=AS_IS, at=TIME, size=("bytes", AS_IS), proven=FLAG, share=AS_IS,
            waits=FLAG),
    bodies("inbox-message", "inbox_message", InboxMessage, "id", "organizer", "sender", "at", auto="auto_answered"),
    bodies("page", "page", Page, "slug", "organizer", "created"),
    bodies("page-request", "page_request", PageRequest, "code", "email", "created", "expires",
           open=lambda r: not r.used),
    columns("confirmed", "confirmed_person", organizer=AS_IS, person=AS_IS, at=TIME),
    KindColumns("picture", "SELECT * FROM picture", _picture,
         inserting("picture", ["organizer", "name", "created", "body", "content"]), _picture_values),
    bodies("branding", "branding", Branding, "scope"),
    KindColumns("link", "SELECT *, opened(sealed, id) AS secret FROM link", _link,
         "INSERT INTO link(id, token, organizer, created, body, shown, unmerged, pressed, sealed) "
         "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,seal(?9, ?1))", _link_values),
    columns("link-invite", "link_invite", link_id=("link", AS_IS), token=AS_IS),
    bodies("vendor", "vendor", Vendor, "id"),
    bodies("enrolment", "enrolment", Enrolment, "organizer", "until", "reported"),
    bodies("purchase", "purchase", Purchase, "line", "at", order_id="order"),
    columns("redaction", "redaction", address=AS_IS, asked=TIME, code=AS_IS),
    KindColumns("delivery", "SELECT * FROM delivery", _delivery,
         inserting("delivery", ["seq", "id", "trigger_id", "delivery_id", "state", "due", "object", "body", "payload",
                                "posted"]), _delivery_values),
    KindColumns("object", "SELECT * FROM trigger_object",
         lambda r: {"trigger_id": r["trigger_id"],
                    "found": TriggerObject.model_validate_json(r["body"]).model_dump(mode="json")},
         inserting("trigger_object", ["trigger_id", "object", "body"]),
         lambda v: [v["trigger_id"], v["found"]["object"],
                    TriggerObject.model_validate_json(json.dumps(v["found"])).model_dump_json()]),
    KindColumns("posted", "SELECT * FROM posted", _posted,
         inserting("posted", ["id", "trigger_id", "received", "divided", "digest", "size", "head", "body", "bytes"]),
         _posted_values),
    KindColumns("posting", "SELECT * FROM posting", _posting,
         inserting("posting", ["seq", "id", "webhook_id", "lane", "state", "due", "created", "body", "payload"]),
         _posting_values),
    bodies("undo", "undo", Undoable, "id", "organizer", "event_uid", "asked", "until"),
    columns("record", "record", seq=AS_IS, body=AS_IS, head=HEX,
            salt=Codec(lambda s: bytes(s or b"").hex(), lambda t: bytes.fromhex(t) or None)),
    KindColumns("record-cut", "SELECT * FROM record_cut",
         lambda r: {"seq": r["seq"], "head": bytes(r["head"]).hex(), "note": r["note"]},
         "INSERT INTO record_cut(only, seq, head, note) VALUES (1,?,?,?)",
         lambda v: [v["seq"], bytes.fromhex(v["head"]), v["note"]]),
    columns("record-salt", "record_person", address=AS_IS, salt=HEX),
    columns("old-line", "audit", id=AS_IS, at=AS_IS, actor=AS_IS, command=AS_IS, subject=AS_IS),
)  # fmt: skip
