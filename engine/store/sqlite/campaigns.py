"""Campaigns and the rows of their lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted

from engine.model.campaigns import Campaign, CampaignState
from engine.model.list_rows import Recipient
from engine.model.messages import Kind, MessageState
from engine.refusals import Code
from engine.store.rules import FAILING_WINDOW, is_failing
from engine.store.sqlite import changes, rows
from engine.store.sqlite.counters import counted, summed
from engine.store.sqlite.reminders import Reminders
from engine.store.sqlite.states import PENDING, SEEN

_ADD = (
    "INSERT INTO campaign(id, event_uid, organizer, state, at, rate, created, body) VALUES (?,?,?,?,?,?,?,?)"
)
_ROW_COLUMNS = "campaign_id, row, email, name, fields, code, detail"
_SKIPPED = "campaign_row INDEXED BY campaign_row_skipped"
"""Rows of lists by the index of skipped rows; without the hint, SQLite also reads the good ones."""


class Campaigns(Reminders):
    """The part of a unit of work for campaigns."""

    @property
    def rows_per_unit(self) -> int:
        return self.items_per_unit

    @property
    def invites_per_unit(self) -> int:
        return self.items_per_unit

    async def campaign(self, campaign_id: str) -> Campaign | None:
        row = await self.one(f"SELECT body FROM campaign WHERE id = ? AND {SEEN}", [campaign_id])
        return rows.campaign(row) if row else None

    async def add_campaign(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        await self.run(
            f"{_ADD} ON CONFLICT(id) DO UPDATE SET state = excluded.state, at = excluded.at, rate = excluded.rate, "
            f"created = excluded.created, body = excluded.body WHERE NOT {SEEN}",
            [campaign.id, campaign.event_uid, campaign.organizer, *_changing(campaign)],
        )
        await self._add_rows(campaign.id, rows)

    async def upload_rows(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        values = [campaign.id, campaign.event_uid, campaign.organizer, *_changing(campaign)]
        values[3] = "uploading"
        await self.run(f"{_ADD} ON CONFLICT(id) DO NOTHING", values)
        await self._add_rows(campaign.id, rows)

    async def _add_rows(self, campaign_id: str, rows: Sequence[Recipient]) -> None:
        values = [(campaign_id, r.row, r.email, r.name, _fields(r.fields), r.code, r.detail) for r in rows]
        await self.insert("campaign_row", _ROW_COLUMNS, values, replace=True)

    async def abandoned_list(self, before: datetime) -> str | None:
        row = await self.one(
            "SELECT id FROM campaign WHERE state = 'uploading' AND created < ? LIMIT 1", [before.timestamp()]
        )
        return row["id"] if row else None

    async def drop_rows(self, campaign_id: str, limit: int) -> None:
        await self.run(
            "DELETE FROM campaign_row WHERE campaign_id = ?1 AND row IN "
            "(SELECT row FROM campaign_row WHERE campaign_id = ?1 ORDER BY row LIMIT ?2)",
            [campaign_id, limit],
        )
        if not await self.one("SELECT 1 FROM campaign_row WHERE campaign_id = ? LIMIT 1", [campaign_id]):
            await self.run(f"DELETE FROM campaign WHERE id = ? AND NOT {SEEN}", [campaign_id])

    async def last_campaign(self, event_uid: str, organizer: str, kind: Kind) -> Campaign | None:
        row = await self.one(
            "SELECT body FROM campaign WHERE organizer = ? AND event_uid = ? AND json_extract(body, '$.kind') = ? "
            f"AND {SEEN} "
            "ORDER BY created DESC LIMIT 1",
            [organizer, event_uid, kind.value],
        )
        return rows.campaign(row) if row else None

    async def last_campaigns(self, event_uid: str, organizer: str, limit: int) -> list[Campaign]:
        found = await self.all(
            f"SELECT body FROM campaign WHERE organizer = ? AND event_uid = ? AND {SEEN} "
            "ORDER BY created DESC, id DESC LIMIT ?",
            [organizer, event_uid, limit],
        )
        return [rows.campaign(row) for row in found]

    async def save_campaign(self, campaign: Campaign) -> None:
        await changes.note_campaign(self, campaign)
        await self.run(
            "UPDATE campaign SET state = ?, at = ?, rate = ?, created = ?, body = ? WHERE id = ?",
            [*_changing(campaign), campaign.id],
        )

    async def recipients(
        self, campaign_id: str, cursor: str, limit: int
    ) -> tuple[list[Recipient], str | None]:
        """The next good rows of a list, and the new cursor, None after the last."""
        found = await self.one(
            "SELECT json_group_array(json_array(row, email, name, fields)) AS found FROM (SELECT * FROM campaign_row "
            "WHERE campaign_id = ? AND row > ? AND code = '' ORDER BY row LIMIT ?)",
            [campaign_id, int(cursor or 0), limit],
        )
        listed = rows.recipients(found["found"]) if found else []
        return listed, str(listed[-1].row) if len(listed) == limit else None

    async def recipient(self, campaign_id: str, row: int) -> Recipient | None:
        found = await self.one(
            "SELECT * FROM campaign_row WHERE campaign_id = ? AND row = ?", [campaign_id, row]
        )
        return rows.recipient(found) if found else None

    async def mark_recipients(self, campaign_id: str, codes: Mapping[int, Code]) -> None:
        await self.many(
            "UPDATE campaign_row SET code = ? WHERE campaign_id = ? AND row = ?",
            [(code.value, campaign_id, row) for row, code in codes.items()],
        )

    async def skip_recipients(self, campaign_id: str, cursor: str, code: Code, limit: int) -> str | None:
        found = await self.all(
            "SELECT row FROM campaign_row WHERE campaign_id = ? AND row > ? AND code = '' ORDER BY row LIMIT ?",
            [campaign_id, int(cursor or 0), limit],
        )
        await self.mark_recipients(campaign_id, {row["row"]: code for row in found})
        return str(found[-1]["row"]) if len(found) == limit else None

    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]:
        """The first `limit` skipped rows after the row `after`."""
        found = await self.all(
            f"SELECT * FROM {_SKIPPED} WHERE campaign_id = ? AND row > ? AND code <> '' ORDER BY row LIMIT ?",
            [campaign_id, after, limit],
        )
        return [rows.recipient(row) for row in found]

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        """How many messages are in each state, and how many rows were skipped or not written yet."""
        tallies = await self.all(counted("campaign", "?1"), [campaign_id])
        counts = {state.value: 0 for state in MessageState}
        counts |= summed((row["name"].removeprefix("delivery."), row["n"]) for row in tallies)
        written = sum(counts.values())
        campaign = await self.campaign(campaign_id)
        if campaign is None or campaign.kind is Kind.INVITE:
            return counts | await self._rest_of_list(campaign_id, written, campaign)
        return counts | await self._rest_of_audience(campaign, written)

    async def _rest_of_list(
        self, campaign_id: str, written: int, campaign: Campaign | None
    ) -> dict[str, int]:
        row = await self.one(
            f"SELECT count(*) AS skipped FROM {_SKIPPED} WHERE campaign_id = ? AND code <> ''", [campaign_id]
        )
        assert row is not None
        total = campaign.total if campaign else row["skipped"] + written
        if campaign and campaign.state is CampaignState.CANCELLED:
            return {"skipped": total - written, "waiting": 0}
        return {"skipped": row["skipped"], "waiting": total - row["skipped"] - written}

    async def _rest_of_audience(self, campaign: Campaign, written: int) -> dict[str, int]:
        """Counts of people without a message: the job has not reached them yet, or had nothing to send them."""
        left = campaign.total - written
        job = await self.one("SELECT 1 FROM fanout WHERE campaign_id = ?", [campaign.id])
        return {"skipped": 0, "waiting": left} if job else {"skipped": left, "waiting": 0}

    async def backlog(self) -> int:
        """How many messages running campaigns without their own rate owe, by their counters."""
        row = await self.one(
            "SELECT coalesce(sum(max(0, json_extract(c.body, '$.valid') - (SELECT coalesce(sum(n), 0) FROM tally "
            "WHERE scope = 'campaign' AND key = c.id AND name IN ('delivery.sent', 'delivery.failed', "
            "'delivery.withdrawn', 'delivery.deferred')))), 0) AS n "
            "FROM campaign c WHERE state = 'running' AND coalesce(rate, 0) = 0"
        )
        return int(row["n"]) if row else 0

    async def next_scheduled(self, now: datetime) -> Campaign | None:
        row = await self.one(
            "SELECT body FROM campaign WHERE state = 'scheduled' AND at <= ? ORDER BY at LIMIT 1",
            [now.timestamp()],
        )
        return rows.campaign(row) if row else None

    async def next_failing(self, share: float) -> tuple[Campaign, int, int, str] | None:
        """A running campaign in which more than `share` of the last messages failed since it was started or resumed.

        Also returns how many failed, out of how many, and the last response of a server.
        """
        candidates = await self.all(
            "SELECT c.body FROM campaign c JOIN tally t ON t.scope = 'campaign' AND t.key = c.id "
            "AND t.name = 'delivery.failed' AND t.n > 0 WHERE c.state = 'running'"
        )
        for row in candidates:
            campaign = rows.campaign(row)
            settled, failed = await self._last_settled(campaign)
            if is_failing(failed, settled, share):
                return campaign, failed, settled, await self._last_failure(campaign.id)
        return None

    async def _last_settled(self, campaign: Campaign) -> tuple[int, int]:
        """The number of its newest settled messages, and how many of them failed."""
        since = rows.seconds(campaign.resumed or campaign.started) or 0.0
        newest = " UNION ALL ".join(
            f"SELECT * FROM (SELECT settled, {int(state is MessageState.FAILED)} AS failed FROM message WHERE "
            f"campaign_id = ?1 AND state = '{state}' AND settled >= ?2 ORDER BY settled DESC LIMIT {FAILING_WINDOW})"
            for state in (MessageState.SENT, MessageState.FAILED)
        )
        row = await self.one(
            f"SELECT count(*) AS n, coalesce(sum(failed), 0) AS failed FROM "
            f"(SELECT failed FROM ({newest}) ORDER BY settled DESC LIMIT {FAILING_WINDOW})",
            [campaign.id, since],
        )
        return (row["n"], row["failed"]) if row else (0, 0)

    async def _last_failure(self, campaign_id: str) -> str:
        row = await self.one(
            "SELECT answer FROM message WHERE campaign_id = ? AND state = 'failed' ORDER BY settled DESC LIMIT 1",
            [campaign_id],
        )
        return row["answer"] if row else ""

    async def sent_of_campaign(self, campaign_id: str, after: str, limit: int) -> tuple[list[str], str]:
        settled, _, last = after.partition(" ")
        found = await self.all(
            "SELECT id, message_id, settled FROM message WHERE campaign_id = ? AND state = 'sent' "
            "AND (settled, id) > (?, ?) ORDER BY settled, id LIMIT ?",
            [campaign_id, float(settled or 0), int(last or 0), limit],
        )
        more = f"{found[-1]['settled']!r} {found[-1]['id']}" if len(found) == limit else ""
        return [row["message_id"] for row in found], more

    async def next_drained(self) -> Campaign | None:
        """A running campaign whose messages are all written and settled."""
        row = await self.one(
            "SELECT body FROM campaign c WHERE state = 'running' "
            "AND NOT EXISTS (SELECT 1 FROM fanout WHERE campaign_id = c.id) "
            f"AND NOT EXISTS (SELECT 1 FROM message WHERE campaign_id = c.id AND {PENDING}) LIMIT 1"
        )
        return rows.campaign(row) if row else None


def _changing(campaign: Campaign) -> list[object]:
    return [
        campaign.state.value,
        rows.seconds(campaign.at),
        campaign.rate,
        campaign.created.timestamp(),
        campaign.model_dump_json(),
    ]


def _fields(fields: Mapping[str, str]) -> str:
    """Personal fields as JSON; most lists have none, and may have a million rows."""
    if not fields:
        return "{}"
    return f"{{{', '.join([f'{_quoted(k)}: {_quoted(v)}' for k, v in fields.items()])}}}"
