"""Mail to bulk@: an organizer sends a list, and its event goes to everyone on it."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.commands import confirmation_mails, notices
from engine.commands.campaigns.campaigns import CampaignDone
from engine.commands.intake import NoChange
from engine.engine import Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.reading import rows_of
from engine.inbox.handling.received import (
    MailAction,
    Outcome,
    ReceivedMail,
    ignored,
    named,
    refused,
    turned_down,
)
from engine.inbox.routes.addressed import objection
from engine.inbox.routes.create import stopped
from engine.inbox.routes.list_campaign import DraftAndStart, list_waits
from engine.inbox.routes.reach import weighed
from engine.mail.locale.language import Language
from engine.model.campaigns import CampaignState
from engine.model.list_rows import ListRow
from engine.model.messages import Notice
from engine.refusals import Code, Refused

_PROBLEMS_SHOWN = 200
_EVENTS_MAX = 100
_NAME = re.compile(r"(?<![a-z0-9])(?:[a-z0-9]{40}|[2-9a-hjkmnp-z]{8})(?![a-z0-9])", re.IGNORECASE)
"""A uid or a short id."""
_WORDS_MAX = 20


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Start a campaign for each event that the list names; its report answers when the last mail is out."""
    if received.mail.report or (received.mail.automatic and not received.mail.lists):
        return ignored(Code.AUTOMATIC_MAIL, "An automatic mail without a list.")
    stop = await stopped(engine, received) or objection(received, engine.settings.commanded)
    if stop:
        return stop
    if not received.mail.lists and received.mail.obstacle:
        return refused(Code(received.mail.obstacle.code), received.mail.obstacle.detail)
    if not received.mail.lists:
        return refused(
            Code.NO_LIST,
            "The mail has no list. Attach a CSV or TXT file with the columns uid,email,name, or with an address a "
            "line and the event's uid or id in the subject.",
        )
    rows = rows_of(received)
    if len(received.mail.lists) > 1:
        rows = [replace(row, number=number) for number, row in enumerate(rows, start=1)]
    if not all(row.uid for row in rows):
        uid = await _named_by_mail(engine, received)
        rows = [replace(row, uid=row.uid or uid) for row in rows]
    by_uid = _by_event(rows)
    problems = [_without_event(row) for row in by_uid.pop("", [])]
    started = await _start_all(engine, received, by_uid)
    problems += [f"{o.uid}: 0 invites sent\n{o.uid}: {o.detail} ({o.code})" for o in started if _failed(o)]
    if problems:
        codes = [o.code for o in started if _failed(o)]
        await _answer(engine, received, problems, codes[0] if codes else Code.MISSING_UID.value)
    good = [o for o in started if not _failed(o)]
    if good:
        return good[-1]
    first = started[0].code if started else Code.MISSING_UID.value
    return Outcome(
        action=MailAction.CAMPAIGN,
        code=first,
        detail="No row could be invited; the sender has been told why.",
    )


async def _named_by_mail(engine: Engine, received: ReceivedMail) -> str:
    """The uid of the one event that the subject, or the first line of the text, names; else empty."""
    first = next((line for line in received.mail.text.splitlines() if line.strip()), "")
    for words in (received.mail.subject, first):
        found = {
            await _uid(engine, received, word) for word in dict.fromkeys(_NAME.findall(words)[:_WORDS_MAX])
        }
        if len(found - {""}) == 1:
            return (found - {""}).pop()
    return ""


async def _uid(engine: Engine, received: ReceivedMail, word: str) -> str:
    try:
        return (await engine.event(word, received.actor)).uid
    except Refused:
        return ""


def _without_event(row: ListRow) -> str:
    if row.code:
        return f"row {row.number}: {row.email}: {row.code}: a quote is inside a cell or not closed"
    why = "name the event's uid or id in the column uid, or in the subject"
    return f"row {row.number}: {row.email}: {Code.MISSING_UID.value}: {why}"


def _by_event(rows: list[ListRow]) -> dict[str, list[ListRow]]:
    by_uid: dict[str, list[ListRow]] = {}
    for row in rows:
        by_uid.setdefault(row.uid.lower(), []).append(row)
    if len(by_uid) > _EVENTS_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"The list names {len(by_uid)} events.",
            f"Name at most {_EVENTS_MAX} in one mail.",
        )
    return by_uid


async def _start_all(
    engine: Engine, received: ReceivedMail, by_uid: dict[str, list[ListRow]]
) -> list[Outcome]:
    async def each(mail: ReceivedMail) -> list[Outcome]:
        return [await _start(engine, mail, uid, part) for uid, part in by_uid.items()]

    return await each(await weighed(engine, received, each) if len(by_uid) > 1 else received)


def _failed(outcome: Outcome) -> bool:
    return bool(outcome.code)


async def _start(engine: Engine, received: ReceivedMail, uid: str, rows: list[ListRow]) -> Outcome:
    """Draft and start one event's campaign in one transaction, noted as part of this mail."""
    draft = DraftAndStart(
        uid=uid,
        recipients=rows,
        # Whatever sent the mail, the organizer hears of what was done in their name; of a list that nothing proves
        # they hear at once, and without its words.
        report_to=None if received.flagged else received.mail.from_address,
    )

    def no(why: Refused) -> Outcome:
        return turned_down(why).model_copy(update={"action": MailAction.CAMPAIGN, "uid": uid})

    language = notices.spoken(await engine.organizer_language(received.actor.address))
    return await apply_once(
        engine,
        received,
        draft,
        received.actor,
        outcome=lambda done: Outcome(action=MailAction.CAMPAIGN, uid=done.event.uid),
        notice=lambda done: _notice(engine, received, done, language),
        part=named(uid),
        no=no,
        recall=True,
    )


def _notice(engine: Engine, received: ReceivedMail, done: CampaignDone, language: Language) -> Notice | None:
    """What is answered at once; of a list that was started the report comes when it is done."""
    if received.flagged:
        return confirmation_mails.unproven(MailAction.CAMPAIGN.value, done.event.uid, language)
    if done.campaign.state is CampaignState.DRAFT:
        return list_waits(done, engine.settings.page("console/lists"), language)
    return None


async def _answer(engine: Engine, received: ReceivedMail, problems: list[str], code: str) -> None:
    """Tell the sender of the rows that started nothing; what was started reports for itself."""
    outcome = Outcome(action=MailAction.CAMPAIGN, code=code)
    language = notices.spoken(await engine.organizer_language(received.actor.address))
    notice = notices.list_refused(problems[:_PROBLEMS_SHOWN], language)
    await apply_once(
        engine,
        received,
        NoChange(),
        received.actor,
        outcome=lambda _: outcome,
        notice=lambda _: notice,
        part="problems",
    )
