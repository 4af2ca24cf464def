"""The short mails that tell an organizer what became of a mail of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.commands import series
from engine.commands.base import Work
from engine.commands.reasons import REASONS, reason
from engine.itip import recurrence
from engine.mail.locale.language import ENGLISH, SOURCE, Language, noop
from engine.mail.locale.language import language as locale
from engine.mail.outgoing import words
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.model.list_rows import Recipient
from engine.model.messages import Kind, Message, Notice
from engine.model.pages import Page, event_path, path
from engine.model.times import Instant, Span
from engine.refusals import Code
from engine.settings import Settings

SKIPPED_SHOWN = 200
"""Rows named in a report by mail; the count covers them all."""
_LEFT_OUT_SHOWN = 10
_SUBJECT_SHOWN = 200
_LINE_SHOWN = 300
_TABLES_MAX = 1_000_000
_STEPS = noop("What you can do now:")
_PAGES_SHOWN = 5
_FIELDS = {
    "timezone": noop("time zone"),
    "summary": noop("title"),
    "url": noop("link"),
    "organizer_name": noop("your name"),
    "recurrence": noop("how it repeats"),
    "rdates": noop("added dates"),
    "exdates": noop("cancelled dates"),
    "overrides": noop("single dates"),
}
_SKIPPED = {
    Code.CSV_UNREADABLE: noop("not a row of CSV"),
    Code.INVALID_ADDRESS: noop("not an address that can be invited"),
    Code.DUPLICATE_ROW: noop("in the list twice"),
    Code.ALREADY_INVITED: noop("invited before"),
    Code.ATTENDEE_BLOCKED: noop("unsubscribed from your invites"),
    Code.ADDRESS_SUPPRESSED: noop("on the do-not-mail list, or earlier mail bounced"),
    Code.MISSING_FIELD: noop("lacks a value that the text of the event needs"),
    Code.INVITE_LIMIT_REACHED: noop("over the number of invites an event may send"),
    Code.EVENT_FULL: noop("all places of the event are taken"),
    Code.PERSON_LIMIT: noop("already received as many invites today as one person may"),
}
"""Why a row of a list was passed over, for people; other codes stand for themselves."""


def message(
    work: Work, to: str, organizer: str, notice: Notice, event_uid: str | None, kind: Kind = Kind.NOTICE
) -> Message:
    """The ledger row that owes `to` the notice."""
    return Message(
        kind=kind,
        email=to,
        organizer=organizer,
        message_id=work.new_message_id(),
        event_uid=event_uid,
        notice=notice,
        created=work.now,
        due=work.now,
        repeat=work.randomness.word(8),
    )


def spoken(tag: str) -> Language:
    """The language with a tag, English for none."""
    return locale(tag or SOURCE)


async def language_of(work: Work, address: str) -> Language:
    """The language of notices to an organizer."""
    return spoken(await work.unit.organizer_language(address))


def created(event: Event, settings: Settings, language: Language = ENGLISH) -> Notice:
    """The notice of a new event, with what can be done next."""
    say = language.say
    what = say("Your event was created. No one has been invited yet.")
    made = about_event(say("Created: {title}", title=event.summary), event, what, language)
    return made.model_copy(update={"text": made.text + _next_steps(event, settings, language)})


def on_pages(
    notice: Notice, event: Event, pages: Sequence[Page], settings: Settings, language: Language = ENGLISH
) -> Notice:
    """`notice` with the addresses of published pages that have the event; pages whose events are searched for are not
    looked through."""
    having = [page for page in pages if not page.selection.query and page.selection.names(event)]
    paths = [event_path(page, event) for page in having] + [path(page) for page in having]
    found = [address for way in dict.fromkeys(paths) if way and (address := settings.page(way[1:]))]
    if not found:
        return notice
    listed = "\n".join(f"- {address}" for address in found[:_PAGES_SHOWN])
    told = language.say("It is on the web:")
    return notice.model_copy(update={"text": f"{notice.text}\n{told}\n{listed}\n"})


def _next_steps(event: Event, settings: Settings, language: Language) -> str:
    say, named = language.say, event.id or event.uid
    steps = (
        say(
            "Invite people: mail a list to {address}, one address per line or a CSV file with the columns email and "
            "name, with {id} in the subject. Everyone on it gets a personal invite, and you get a report.",
            address=settings.mailbox("bulk"),
            id=named,
        ),
        say(
            "Change or cancel the event: do it in your calendar, with {address} among the guests, or mail a CSV file "
            "there with the columns action and uid (UPDATE or CANCEL, {id}) and what to change.",
            address=settings.mailbox("create"),
            id=named,
        ),
        say("Let an agent do it: its tools find the event by its uid or id."),
    )
    return f"\n{say(_STEPS)}\n" + "".join(f"- {step}\n" for step in steps)


def left_out(what: Sequence[str], language: Language = ENGLISH) -> str:
    """What of a calendar was left out, in one line; empty if nothing was."""
    return language.say("Left out: {what}.", what="; ".join(what[:_LEFT_OUT_SHOWN])) if what else ""


def without(notice: Notice, what: Sequence[str], language: Language = ENGLISH) -> Notice:
    """`notice` with what of the calendar was left out."""
    if not what:
        return notice
    return notice.model_copy(update={"text": f"{notice.text}\n{left_out(what, language)}\n"})


def updated(
    event: Event,
    changed: Sequence[str],
    notified: int,
    instance: Instant | None = None,
    language: Language = ENGLISH,
) -> Notice:
    """What changed, in words; `instance`: which one of a series the mail spoke of."""
    if not changed:
        return _unchanged(event, language)
    say = language.say
    if instance is None:
        names = [field_name(name, language) for name in changed]
        fields = language.term("between the names of a list", ", ").join(names)
        what = say("Your event was updated ({fields}).", fields=fields)
    else:
        what = say("One date of your series was changed; the others stay as they are.")
    told = f"{what} {_notified(notified, language)}"
    return about_event(say("Updated: {title}", title=event.summary), event, told, language, instance)


def field_name(name: str, language: Language) -> str:
    """A field of an event, as people call it."""
    return language.say(_FIELDS.get(name, name))


_PLAIN_FIELDS = (
    noop("start"),
    noop("end"),
    noop("location"),
    noop("description"),
    noop("alarms"),
    noop("rsvp"),
    noop("places"),
)
"""Names of fields that stand for themselves in English."""


def _notified(count: int, language: Language) -> str:
    return language.say("People notified: {count}.", count=language.number(count))


def cancelled(
    event: Event,
    changed: Sequence[str],
    notified: int,
    instance: Instant | None = None,
    language: Language = ENGLISH,
) -> Notice:
    """The notice that an event, or one instance of a series, is cancelled."""
    if not changed:
        return _unchanged(event, language)
    say = language.say
    what = say("Your event was cancelled.")
    if instance is not None:
        what = say("One date of your series was cancelled; the others stay as they are.")
    told = f"{what} {_notified(notified, language)}"
    return about_event(say("Cancelled: {title}", title=event.summary), event, told, language, instance)


def _unchanged(event: Event, language: Language) -> Notice:
    say = language.say
    told = say("The server already had what your mail says: nothing changed and no one was notified.")
    return about_event(say("No change: {title}", title=event.summary), event, told, language)


def several(subject: str, what: str, why: Sequence[str], language: Language = ENGLISH) -> Notice:
    """The notice of the outcome of a calendar with several events."""
    say = language.say
    brought = say("Your mail “{subject}” brought {what}", subject=subject[:_SUBJECT_SHOWN], what=what)
    text = "\n".join([brought, *why[:SKIPPED_SHOWN]]) + "\n"
    return Notice(subject=say("Done: {title}", title=subject)[:200], text=text)


def refused(subject: str, why: str, code: str, language: Language = ENGLISH) -> Notice:
    """The notice that a mail was not understood or not allowed, and why."""
    say = language.say
    changed = say("Your mail “{subject}” changed nothing.", subject=subject[:_SUBJECT_SHOWN])
    told = reason(code, why, language)
    text = f"{changed}\n\n{say('Why: {why}', why=told)}\n{say('Code: {code}', code=code)}\n"
    own = say("Your free trial has ended") if code == Code.FREE_TRIAL_ENDED else ""
    return Notice(subject=own or say("Not done: {title}", title=subject)[:200], text=text)


def about_event(
    subject: str, event: Event, what: str, language: Language, instance: Instant | None = None
) -> Notice:
    """A notice that says something of an event, and which event it is."""
    say = language.say
    repeats = words.recurrence(event.recurrence, event.span, language) if instance is None else ""
    lines = [
        say("Event: {title}", title=event.summary),
        say("When: {time}", time=when(span_of(event, instance), language)),
        *([say("Repeats: {rule}", rule=repeats)] if repeats else []),
        f"uid: {event.uid}",
        *([f"id: {event.id}"] if event.id else []),
        say("Revision: {number}", number=event.sequence),
    ]
    return Notice(subject=subject[:200], text="\n".join([what, "", *lines]) + "\n")


def when(span: Span, language: Language = ENGLISH) -> str:
    """The time of `span` with its zone."""
    zone = words.zone(span)
    return words.when(span, language) + (f" ({zone})" if zone else "")


def span_of(event: Event, instance: Instant | None) -> Span:
    """When the instance takes place, or took place before it was cancelled."""
    if instance is None:
        return event.span
    instance = series.aligned(event.span, instance)
    override = event.override(instance)
    return override.span if override else recurrence.at(event.span, instance)


def skipped_why(code: str, language: Language = ENGLISH) -> str:
    """What the code of a row that was passed over means; empty if it stands for itself."""
    known = Code(code) if code in set(Code) else None
    why = (_SKIPPED.get(known) or REASONS.get(known)) if known else None
    return language.say(why) if why else ""


def skipping(row: Recipient, language: Language = ENGLISH) -> str:
    """Which row was passed over, and why: the code, what it means, and the column that is at fault."""
    why = skipped_why(row.code, language)
    told = f"{row.code}: {why}" if why else row.code
    told += f" ({row.detail})" if row.detail else ""
    return language.say("row {number}: {email}: {why}", number=row.row, email=row.email, why=told)


def campaign_report(
    campaign: Campaign,
    title: str,
    counts: Mapping[str, int],
    skipped: Sequence[Recipient],
    language: Language = ENGLISH,
) -> Notice:
    """What was sent of a list, what was not, and why: “sent” means that a mail server took it."""
    say, number = language.say, language.number
    sent = counts.get("sent", 0)
    lines = [
        say("Your list for “{title}”", title=title),
        say("{uid}: {count} invites sent", uid=campaign.event_uid, count=number(sent)),
        say("{uid}: {count} not sent.", uid=campaign.event_uid, count=number(campaign.total - sent)),
    ]
    if campaign.state in {CampaignState.CANCELLED, CampaignState.PAUSED}:
        lines.append(
            say("The campaign stopped: {why}", why=campaign.note)
            if campaign.note
            else say("The campaign stopped: it was cancelled.")
        )
    if counts.get("failed"):
        lines.append(say("{count} were refused by a mail server.", count=number(counts["failed"])))
    lines += [skipping(row, language) for row in skipped]
    return Notice(subject=say("Bulk Invite Status"), text="\n".join(lines) + "\n")


def batch_done(
    counts: str, problems: Sequence[str], outcomes: str, *, anything: bool, language: Language = ENGLISH
) -> Notice:
    """What became of a table of commands: the counts, what went wrong, and every row as CSV.

    `anything`: some rows are carried out, or were before.
    """
    say, shown = language.say, list(problems[:SKIPPED_SHOWN])
    if len(problems) > SKIPPED_SHOWN:
        more = language.number(len(problems) - SKIPPED_SHOWN)
        shown.append(say("… and {count} more; the attached table has them all.", count=more))
    others = say("All other rows were carried out.") if anything else say("No row was carried out.")
    advice = f"{others} {say('Correct these and send the file again: no row is done twice.')}"
    text = "\n".join([counts, *(["", *shown, "", advice] if shown else [])])
    subject = say("Your table of events: {counts}", counts=counts)
    return Notice(subject=subject[:200], text=f"{text}\n", outcomes=outcomes)


def gathered(several: Sequence[Notice], more: int, language: Language = ENGLISH) -> Notice:
    """Several notices in one, a line for each, and how many `more` there were."""
    say = language.say
    count = language.number(len(several) + more)
    lines = [say("{count} mails in your name were handled within a minute:", count=count), ""]
    lines += [f"- {_in_one_line(notice, language)}" for notice in several]
    lines += [f"- {language.some('and {n} more', 'and {n} more', more)}"] if more else []
    warnings = dict.fromkeys(notice.warning for notice in several if notice.warning)
    tables = _joined([notice.outcomes for notice in several if notice.outcomes])
    return Notice(
        subject=say("{count} of your mails were handled", count=count),
        text="\n".join(lines) + "\n",
        outcomes=tables,
        warning="\n\n".join(warnings),
    )


def _in_one_line(notice: Notice, language: Language) -> str:
    what, _, _ = notice.text.partition(language.say(_STEPS))
    flat = " · ".join(line.strip() for line in what.splitlines() if line.strip())
    shown = f"{flat[:_LINE_SHOWN]}…" if len(flat) > _LINE_SHOWN else flat
    return f"{notice.subject} · {shown}"


def _joined(tables: Sequence[str]) -> str:
    """The tables as one, as far as they fit, with the header of the first."""
    joined = "".join(tables[:1])
    for table in tables[1:]:
        _, _, rows = table.partition("\r\n")
        if len(joined) + len(rows) <= _TABLES_MAX:
            joined += rows
    return joined


def warned(notice: Notice, settings: Settings, language: Language = ENGLISH) -> Notice:
    """`notice` with a word on what proved the mail, which is new: its owner is the one to notice a forgery."""
    warning = language.say(
        "What proves that this mail is yours was not seen here before. If you did not send it, tell {address} now: "
        "after a day, mail that comes the same way may reach many people without your being asked.",
        address=settings.mailbox("postmaster"),
    )
    return notice.model_copy(update={"warning": warning})


def list_refused(problems: Sequence[str], language: Language = ENGLISH) -> Notice:
    """The rows of a mailed list that belong to no event that could be sent."""
    return Notice(subject=language.say("Bulk Invite Status"), text="\n".join(problems) + "\n")
