"""The do-not-mail list, the quarantine, and the record, which is verified on sight."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.sealing import Purpose
from cis_mcp.views.record import record_row
from cis_mcp.views.suppressions import entry_info
from engine.commands.invites.addresses import AddressList
from engine.commands.invites.suppressing import Suppress, Unsuppress
from engine.commands.operators.operators import may_administer
from engine.commands.reasons import REASONS, reason
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.quarantine import Quarantine
from engine.mail.locale.language import SOURCE, Language, noop_term
from engine.model.codes import blanked
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_SHOWN = 50
_TEXT_SHOWN = 5_000
AT_ONCE = 10_000
"""Rows of a record that are verified whenever it is looked at; a longer one by a button."""
_HUB = "/console/agents"
_ACTIONS = (
    noop_term("what a mail came to", "created"),
    noop_term("what a mail came to", "updated"),
    noop_term("what a mail came to", "cancelled"),
    noop_term("what a mail came to", "receipt"),
    noop_term("what a mail came to", "counter"),
    noop_term("what a mail came to", "refreshed"),
    noop_term("what a mail came to", "campaign"),
    noop_term("what a mail came to", "batch"),
    noop_term("what a mail came to", "bounce"),
    noop_term("what a mail came to", "unsubscribed"),
    noop_term("what a mail came to", "confirmed"),
    noop_term("what a mail came to", "link_asked"),
    noop_term("what a mail came to", "message"),
    noop_term("what a mail came to", "held"),
    noop_term("what a mail came to", "stopped"),
    noop_term("what a mail came to", "quarantined"),
    noop_term("what a mail came to", "refused"),
    noop_term("what a mail came to", "ignored"),
)
_CAUSES = (
    noop_term("why somebody takes no mail", "asked"),
    noop_term("why somebody takes no mail", "unsubscribed"),
    noop_term("why somebody takes no mail", "bounced"),
    noop_term("why somebody takes no mail", "complained"),
)


async def do_not_mail(visit: Visit) -> Response:
    """GET /console/do-not-mail, and POST with addresses in full."""
    shown = visit.rows(_SHOWN)
    full = await visit.shows(AddressList.SUPPRESSIONS)
    sought = (visit.given if full else visit.asked)("after")
    after = visit.unseal(sought, Purpose.AFTER).partition(" ") if sought else None
    place = (after[0], after[2]) if after else None
    found = await visit.engine.suppressions(visit.actor, "", shown + 1, place)
    last = found[shown - 1] if len(found) > shown else None
    return visit.show(
        "do_not_mail.html",
        title=visit.say("Do-not-mail list"),
        entries=[
            (one.target, visit.seal(one.target, Purpose.TARGET), entry_info(one)) for one in found[:shown]
        ],
        full=full,
        sought=sought,
        after=visit.seal(f"{last.target} {last.organizer}", Purpose.AFTER) if last else "",
    )


async def block(visit: Visit) -> Response:
    """POST: put an address or a domain on the list, take one off, or show the addresses of all."""
    if visit.given("do") == "show":
        return await do_not_mail(visit)
    if visit.given("do") == "remove":
        target = visit.unseal(visit.given("target"), Purpose.TARGET)
        organizer = visit.unseal(visit.given("organizer"), Purpose.ORGANIZER)
        await visit.apply(Unsuppress(targets=(target,), organizer=organizer))
        return visit.go("/console/do-not-mail", "off")
    await visit.apply(Suppress(targets=(visit.given("target"),), organizer=visit.given("organizer")))
    return visit.go("/console/do-not-mail", "on")


async def quarantine(visit: Visit) -> Response:
    """GET /console/quarantine."""
    shown = visit.rows(_SHOWN)
    may_administer(visit.actor)
    waiting = Quarantine(visit.engine)
    page = await waiting.page(shown, visit.asked("cursor") or None)
    while page.next_cursor and len(page.mails) < shown:
        following = await waiting.page(shown - len(page.mails), page.next_cursor)
        page = following.model_copy(update={"mails": page.mails + following.mails})
    return visit.show("quarantine.html", title=visit.say("Quarantine"), page=page)


async def quarantined(visit: Visit) -> Response:
    """GET /console/quarantine/{id}: one mail, its words alone; and by POST with addresses in full."""
    may_administer(visit.actor)
    full = await visit.shows(AddressList.QUARANTINE)
    shown = await Quarantine(visit.engine).show(visit.path("id"))
    return visit.show(
        "quarantined.html",
        title=visit.say("A mail that waits"),
        full=full,
        shown=shown,
        headers=[(name, blanked(value)) for name, value in shown.headers],
        text=blanked(shown.text)[:_TEXT_SHOWN],
        calendars=[blanked(calendar)[:_TEXT_SHOWN] for calendar in shown.calendars],
    )


async def decide_mail(visit: Visit) -> Response:
    """POST: release a mail as if its sender were proven, or discard it."""
    mail_id = visit.path("id")
    match visit.given("do"):
        case "show":
            return await quarantined(visit)
        case "release":
            name = await Quarantine(visit.engine).release(mail_id, visit.actor)
            async with Inbox(visit.engine) as inbox:
                outcome = (await inbox.handle(name))[0]
            ways = [(visit.say("Quarantine"), "/console/quarantine")]
            texts = _became(outcome, visit.language)
            return visit.show("handled.html", title=visit.say("Let through"), texts=texts, ways=ways)
        case "drop":
            await Quarantine(visit.engine).drop(mail_id, visit.actor)
            return visit.go("/console/quarantine", "dropped")
        case _:
            raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.")


def _became(outcome: Outcome, language: Language) -> tuple[str, str]:
    """What a mail came to, and why; in other languages than English as far as its code has a reason."""
    told = language.say("It was handled: {what}.", what=language.term("what a mail came to", outcome.action))
    known = language.tag == SOURCE or outcome.code in REASONS
    return told, reason(outcome.code, outcome.detail, language)[:_TEXT_SHOWN] if known else ""


async def record(visit: Visit) -> Response:
    """GET /console/record: the newest rows; for the operator a short chain is verified as the page is made."""
    shown = visit.rows(_SHOWN)
    given = visit.asked("before")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None
    rows = [record_row(row) for row in await visit.engine.record(visit.actor, shown, before)]
    short = bool(rows) and rows[0].row <= AT_ONCE
    looked = visit.everywhere and before is None and (short or visit.asked("verify") == "yes")
    return visit.show(
        "record.html",
        title=visit.say("Record"),
        rows=rows,
        before=rows[-1].row if len(rows) == shown else 0,
        verified=await visit.engine.verified() if looked else None,
        offered=visit.everywhere and before is None and not looked and bool(rows),
    )


SCREENS = (
    Screen("GET", "/console/do-not-mail", do_not_mail),
    Screen("POST", "/console/do-not-mail", block, Verb.SUPPRESS),
    Screen("GET", "/console/quarantine", quarantine, Verb.ADMIN),
    Screen("GET", "/console/quarantine/{id:str}", quarantined, Verb.ADMIN),
    Screen("POST", "/console/quarantine/{id:str}", decide_mail, Verb.ADMIN),
    Screen("GET", "/console/record", record),
)
