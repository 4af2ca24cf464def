"""The log of changes to organizers' events, in commit order, for callers who ask what is new."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from engine.model import cursors
from engine.model.answers import Proposal, Receipt
from engine.model.campaigns import Campaign, CampaignState
from engine.model.changes import Change, ChangeKind
from engine.model.events import Event
from engine.model.held import HeldAction, HeldState
from engine.model.queries import ChangePage
from engine.store.sqlite import rows
from engine.store.sqlite.session import IN_LIST, Session, as_list, as_numbers

WORDS_MAX = 500
"""The most characters stored of other people's texts."""

_COLUMNS = "at, kind, organizer, event_uid, email, campaign_id, sequence, status, code, words"
_ALL = f"{_COLUMNS}, held, chain"
_OF_EVENT = (
    f"INSERT INTO change({_COLUMNS}, chain) "
    "SELECT ?, ?, organizer, uid, ?, '', ?, ?, ?, ?, ? FROM event WHERE uid = ?"
)
_OF_ATTENDEE = (
    f"INSERT INTO change({_COLUMNS}, chain) "
    "SELECT ?4, ?5, organizer, uid, ?2, '', ?6, ?7, ?8, ?9, coalesce((SELECT last.chain FROM "
    "(SELECT chain FROM change WHERE event_uid = ?1 AND chain <> '' AND at > ?3 ORDER BY id DESC LIMIT 1) last "
    "JOIN change began ON began.id = CAST(last.chain AS INTEGER) "
    "WHERE began.event_uid = ?1 AND began.email = ?2), '') FROM event WHERE uid = ?1"
)
"""The statement for a change by an attendee, with the event's newest recent chain if this person began it."""
_CHAIN_LASTS_S = 3_600
"""The seconds after a chain's last change during which the answer of the person who began it continues it."""
AUTOMATIC_REPLIES = """
CREATE INDEX change_automatic ON change(event_uid, email, id) WHERE kind = 'automatic_reply';
"""
"""The index of automatic replies, such as absence notes, by attendee."""
_FAILED = (
    f"INSERT INTO change({_COLUMNS}) SELECT settled, iif(code = 'bounced', 'message_bounced', 'message_failed'), "
    f"organizer, event_uid, email, coalesce(campaign_id, ''), sequence, kind, code, substr(answer, 1, {WORDS_MAX}) "
    f"FROM message WHERE state = 'failed' AND id {IN_LIST} ORDER BY id"
)
_CAMPAIGN_KINDS = {
    CampaignState.FINISHED: ChangeKind.CAMPAIGN_FINISHED,
    CampaignState.CANCELLED: ChangeKind.CAMPAIGN_CANCELLED,
    CampaignState.PAUSED: ChangeKind.CAMPAIGN_PAUSED,
}
_CAMPAIGN = (
    f"INSERT INTO change({_COLUMNS}) SELECT ?, ?, organizer, event_uid, '', id, NULL, ?, '', ? "
    "FROM campaign WHERE id = ? AND state <> ?"
)


async def note_receipt(session: Session, receipt: Receipt) -> None:
    """Log that an answer arrived, whether it counted or not."""
    said = [receipt.sequence, receipt.partstat.label, receipt.code, receipt.comment[:WORDS_MAX]]
    await _note_said(session, receipt, ChangeKind.RECEIPT, said)


async def note_proposal(session: Session, proposal: Proposal) -> None:
    """Log that an attendee proposed another time."""
    said = [proposal.sequence, proposal.state, "", proposal.comment[:WORDS_MAX]]
    await _note_said(session, proposal, ChangeKind.PROPOSAL, said)


async def _note_said(
    session: Session, by: Receipt | Proposal, kind: ChangeKind, said: Sequence[object]
) -> None:
    at = by.arrived.timestamp()
    await session.run(_OF_ATTENDEE, [by.event_uid, by.email, at - _CHAIN_LASTS_S, at, kind, *said])


async def note_event(session: Session, event: Event, before: Event | None) -> None:
    """Log that an event was created or has a new revision."""
    if before is not None and before.sequence == event.sequence:
        return
    kind = ChangeKind.EVENT_CHANGED if before else ChangeKind.EVENT_CREATED
    if event.cancelled:
        kind = ChangeKind.EVENT_CANCELLED
    at = event.dtstamp.timestamp()
    values = [at, kind, "", event.sequence, event.status, "", event.cancel_reason[:WORDS_MAX], session.chain]
    await session.run(_OF_EVENT, [*values, event.uid])


async def note_campaign(session: Session, campaign: Campaign) -> None:
    """Log that a campaign came to rest; call this before its new state is written."""
    kind = _CAMPAIGN_KINDS.get(campaign.state)
    if kind:
        at = rows.seconds(campaign.finished or campaign.paused or campaign.created)
        note = campaign.note[:WORDS_MAX]
        await session.run(_CAMPAIGN, [at, kind, campaign.state, note, campaign.id, campaign.state])


async def note_failures(session: Session, message_ids: Collection[int]) -> None:
    """Log that messages failed or bounced; only those whose row says so are logged."""
    if message_ids:
        await session.run(_FAILED, [as_numbers(message_ids)])


async def page(
    session: Session,
    organizer: str | None,
    since: str | None,
    limit: int,
    kinds: Collection[ChangeKind] = (),
) -> ChangePage:
    """Up to `limit` changes after the cursor `since`, oldest first; without one the newest.

    Only one process writes at a time, so ids are in the order in which changes became visible, and no change ever
    appears before a cursor that was returned. Raises Refused(INVALID_CURSOR).
    """
    where, values = ("organizer = ?", [organizer]) if organizer else ("1", [])
    if kinds:
        where, values = f"{where} AND kind {IN_LIST}", [*values, as_list(kinds)]
    newest = 0
    if since is None:
        last_ones = f"SELECT * FROM change WHERE {where} ORDER BY id DESC LIMIT ?"
        found = await session.all(last_ones, [*values, limit])
        if not found:
            newest = await _newest(session)
            # Once more: one that is committed between both would never be told.
            found = await session.all(last_ones, [*values, limit])
        found.reverse()
        more = False
    else:
        (after,) = cursors.opened(since, int)
        found = await session.all(
            f"SELECT * FROM change WHERE {where} AND id > ? ORDER BY id LIMIT ?", [*values, after, limit + 1]
        )
        more = len(found) > limit
        found = found[:limit]
    last = found[-1]["id"] if found else newest
    cursor = cursors.written(last) if found or since is None else since
    return ChangePage(changes=tuple(_change(row) for row in found), cursor=cursor, more=more)


async def _newest(session: Session) -> int:
    """The id of the newest change of all, from which a caller continues after finding none."""
    row = await session.one("SELECT max(id) AS id FROM change")
    return int(row["id"] or 0) if row else 0


async def note_unsubscribed(session: Session, email: str, organizer: str, at: float) -> None:
    """Log that a person wants no more mail from an organizer."""
    await session.run(
        f"INSERT INTO change({_COLUMNS}) VALUES (?, ?, ?, NULL, ?, '', NULL, 'blocked', '', '')",
        [at, ChangeKind.UNSUBSCRIBED, organizer, email],
    )


async def note_complaint(
    session: Session, email: str, organizer: str, event_uid: str | None, words: str, at: float
) -> None:
    """Log that a person reported mail of an organizer as spam."""
    await session.run(
        f"INSERT INTO change({_COLUMNS}) VALUES (?, ?, ?, ?, ?, '', NULL, '', '', ?)",
        [at, ChangeKind.COMPLAINT, organizer, event_uid, email, words[:WORDS_MAX]],
    )


async def note_held(session: Session, held: HeldAction) -> None:
    """Log that an action waits for approval or was decided."""
    waits = held.state is HeldState.WAITING
    at = held.created if waits else held.decided or held.expires
    await session.run(
        f"INSERT INTO change({_COLUMNS}, held) VALUES (?, ?, ?, ?, '', '', NULL, ?, '', ?, ?)",
        [
            at.timestamp(),
            ChangeKind.HELD_WAITING if waits else ChangeKind.HELD_DECIDED,
            held.organizer,
            held.command.event_uid or None,
            held.state.value,
            held.preview.action[:WORDS_MAX],
            held.id,
        ],
    )


async def note_automatic_reply(
    session: Session, event_uid: str, email: str, words: str, at: float, most: int
) -> bool:
    """Log an automatic reply of an attendee, such as an absence note, unless there are `most` already."""
    if len(await automatic_replies(session, event_uid, email)) >= most:
        return False
    values = [at, ChangeKind.AUTOMATIC_REPLY, email, None, "", "", words[:WORDS_MAX], ""]
    await session.run(_OF_EVENT, [*values, event_uid])
    return True


async def automatic_replies(session: Session, event_uid: str, email: str) -> list[Change]:
    """An attendee's automatic replies, oldest first."""
    found = await session.all(
        "SELECT * FROM change WHERE kind = 'automatic_reply' AND event_uid = ? AND email = ? ORDER BY id",
        [event_uid, email],
    )
    return [_change(row) for row in found]


def _change(row: sqlite3.Row) -> Change:
    known = {name: row[name] for name in _ALL.split(", ") if name != "at"}
    return Change(id=row["id"], at=rows.at(row["at"]), **known)
