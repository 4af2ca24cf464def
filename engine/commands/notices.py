"""The short mails that tell an organizer what became of a mail of theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.commands import series
from engine.commands.base import Work
from engine.itip import recurrence
from engine.mail.outgoing import words
from engine.model.campaigns import Campaign, CampaignState, Recipient
from engine.model.confirmations import Confirmation
from engine.model.events import Event
from engine.model.messages import Kind, Message, Notice
from engine.model.pages import Page, event_path, path
from engine.model.people import Attendee
from engine.model.times import Instant, Span
from engine.refusals import Code
from engine.settings import Settings

SKIPPED_SHOWN = 200
"""Rows named in a report by mail; the count covers them all."""
_LEFT_OUT_SHOWN = 10
_SUBJECT_SHOWN = 200
_LINE_SHOWN = 300
_TABLES_MAX = 1_000_000
_TITLE_SHOWN = 80
_STEPS = "What you can do now:"
_PAGES_SHOWN = 5
_REGISTERS = "Once it is registered, events that you mail here are created, and people invited in your name."
_LINK = re.compile(r"(?:https?|ftp)://\S*|www\.\S*", re.IGNORECASE)
_FIELDS = {
    "timezone": "time zone",
    "summary": "title",
    "url": "link",
    "organizer_name": "your name",
    "recurrence": "how it repeats",
    "rdates": "added dates",
    "exdates": "cancelled dates",
    "overrides": "single dates",
}
_SKIPPED = {
    Code.CSV_UNREADABLE: "not a row of CSV",
    Code.INVALID_ADDRESS: "not an address that can be invited",
    Code.DUPLICATE_ROW: "in the list twice",
    Code.ALREADY_INVITED: "invited before",
    Code.ATTENDEE_BLOCKED: "unsubscribed from your invites",
    Code.ADDRESS_SUPPRESSED: "on the do-not-mail list, or earlier mail bounced",
    Code.MISSING_FIELD: "lacks a value that the text of the event needs",
    Code.INVITE_LIMIT_REACHED: "over the number of invites an event may send",
    Code.EVENT_FULL: "all places of the event are taken",
    Code.PERSON_LIMIT: "already received as many invites today as one person may",
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


def created(event: Event, settings: Settings) -> Notice:
    """A new event, and what can be done with it next."""
    made = _notice(f"Created: {event.summary}", event, "Your event was created. No one has been invited yet.")
    return made.model_copy(update={"text": made.text + _next_steps(event, settings)})


def on_pages(notice: Notice, event: Event, pages: Sequence[Page], settings: Settings) -> Notice:
    """`notice` with the addresses of published pages that have the event; pages whose events are searched for are not
    looked through."""
    having = [page for page in pages if not page.selection.query and page.selection.names(event)]
    paths = [event_path(page, event) for page in having] + [path(page) for page in having]
    found = [address for way in dict.fromkeys(paths) if way and (address := settings.page(way[1:]))]
    if not found:
        return notice
    listed = "\n".join(f"- {address}" for address in found[:_PAGES_SHOWN])
    return notice.model_copy(update={"text": f"{notice.text}\nIt is on the web:\n{listed}\n"})


def _next_steps(event: Event, settings: Settings) -> str:
    bulk, at = settings.mailbox("bulk"), settings.mailbox("create")
    return (
        f"\n{_STEPS}\n"
        f"- Invite people: mail a list to {bulk}, one address per line or a CSV file with the columns email and name, "
        f"with {event.id or event.uid} in the subject. Everyone on it gets a personal invite, and you get a report.\n"
        f"- Change or cancel the event: do it in your calendar, with {at} among the guests, or mail a CSV file there "
        f"with the columns action and uid (UPDATE or CANCEL, {event.id or event.uid}) and what to change.\n"
        "- Let an agent do it: its tools find the event by its uid or id.\n"
    )


def left_out(what: Sequence[str]) -> str:
    """What of a calendar was left out, in one line; empty if nothing was."""
    return f"Left out: {'; '.join(what[:_LEFT_OUT_SHOWN])}." if what else ""


def without(notice: Notice, what: Sequence[str]) -> Notice:
    """`notice` with what of the calendar was left out."""
    if not what:
        return notice
    return notice.model_copy(update={"text": f"{notice.text}\n{left_out(what)}\n"})


def updated(event: Event, changed: Sequence[str], notified: int, instance: Instant | None = None) -> Notice:
    """What changed, in words; `instance`: which one of a series the mail spoke of."""
    if not changed:
        return _unchanged(event)
    if instance is None:
        what = f"Your event was updated ({', '.join(_FIELDS.get(name, name) for name in changed)})."
    else:
        what = "One date of your series was changed; the others stay as they are."
    return _notice(f"Updated: {event.summary}", event, f"{what} People notified: {notified}.", instance)


def cancelled(event: Event, changed: Sequence[str], notified: int, instance: Instant | None = None) -> Notice:
    """The end of an event, or of one instance of a series."""
    if not changed:
        return _unchanged(event)
    what = "Your event was cancelled."
    if instance is not None:
        what = "One date of your series was cancelled; the others stay as they are."
    return _notice(f"Cancelled: {event.summary}", event, f"{what} People notified: {notified}.", instance)


def _unchanged(event: Event) -> Notice:
    words = "The server already had what your mail says: nothing changed and no one was notified."
    return _notice(f"No change: {event.summary}", event, words)


def several(subject: str, what: str, why: Sequence[str]) -> Notice:
    """What became of a calendar with several events."""
    lines = [f"Your mail “{subject[:_SUBJECT_SHOWN]}” brought {what}", *why[:SKIPPED_SHOWN]]
    return Notice(subject=f"Done: {subject}"[:200], text="\n".join(lines) + "\n")


def declined(event: Event, attendee: Attendee) -> Notice:
    """To the organizer: an attendee's proposal is declined."""
    words = f"{attendee.email} is told that the time stays the same."
    return _notice(f"Proposal declined: {event.summary}", event, words)


def refused(subject: str, why: str, code: str) -> Notice:
    """A mail that was not understood, or not allowed, and why."""
    text = f"Your mail “{subject[:_SUBJECT_SHOWN]}” changed nothing.\n\nWhy: {why}\nCode: {code}\n"
    own = {Code.FREE_TRIAL_ENDED: "Your free trial has ended"}.get(Code(code)) if code in set(Code) else None
    return Notice(subject=own or f"Not done: {subject}"[:200], text=text)


def _notice(subject: str, event: Event, what: str, instance: Instant | None = None) -> Notice:
    repeats = words.recurrence(event.recurrence, event.span) if instance is None else ""
    lines = [
        f"Event: {event.summary}",
        f"When: {_when(_span(event, instance))}",
        *([f"Repeats: {repeats}"] if repeats else []),
        f"uid: {event.uid}",
        *([f"id: {event.id}"] if event.id else []),
        f"Revision: {event.sequence}",
    ]
    return Notice(subject=subject[:200], text="\n".join([what, "", *lines]) + "\n")


def _when(span: Span) -> str:
    zone = words.zone(span)
    return words.when(span) + (f" ({zone})" if zone else "")


def _span(event: Event, instance: Instant | None) -> Span:
    """When the instance takes place, or took place before it was cancelled."""
    if instance is None:
        return event.span
    instance = series.aligned(event.span, instance)
    override = event.override(instance)
    return override.span if override else recurrence.at(event.span, instance)


def skipping(row: Recipient) -> str:
    """Which row was passed over, and why: the code, what it means, and the column that is at fault."""
    why = _SKIPPED.get(Code(row.code)) if row.code in set(Code) else None
    words = f"{row.code}: {why}" if why else row.code
    return f"row {row.row}: {row.email}: {words}" + (f" ({row.detail})" if row.detail else "")


def campaign_report(
    campaign: Campaign, title: str, counts: Mapping[str, int], skipped: Sequence[Recipient]
) -> Notice:
    """What was sent of a list, what was not, and why: “sent” means that a mail server took it."""
    sent = counts.get("sent", 0)
    lines = [
        f"Your list for “{title}”",
        f"{campaign.event_uid}: {sent} invites sent",
        f"{campaign.event_uid}: {campaign.total - sent} not sent.",
    ]
    if campaign.state is CampaignState.CANCELLED:
        lines.append(f"The campaign stopped: {campaign.note or 'it was cancelled.'}")
    if counts.get("failed"):
        lines.append(f"{counts['failed']} were refused by a mail server.")
    lines += map(skipping, skipped)
    return Notice(subject="Bulk Invite Status", text="\n".join(lines) + "\n")


def batch_done(counts: str, problems: Sequence[str], outcomes: str, *, anything: bool) -> Notice:
    """What became of a table of commands: the counts, what went wrong, and every row as CSV.

    `anything`: some rows are carried out, or were before.
    """
    shown = list(problems[:SKIPPED_SHOWN])
    if len(problems) > SKIPPED_SHOWN:
        shown.append(f"… and {len(problems) - SKIPPED_SHOWN} more; the attached table has them all.")
    others = "All other rows were carried out." if anything else "No row was carried out."
    advice = f"{others} Correct these and send the file again: no row is done twice."
    text = "\n".join([counts, *(["", *shown, "", advice] if shown else [])])
    return Notice(subject=f"Your table of events: {counts}"[:200], text=f"{text}\n", outcomes=outcomes)


def gathered(several: Sequence[Notice], more: int) -> Notice:
    """Several notices in one, a line for each, and how many `more` there were."""
    count = len(several) + more
    lines = [f"{count} mails in your name were handled within a minute:", ""]
    lines += [f"- {_in_one_line(notice)}" for notice in several]
    lines += [f"- and {more} more"] if more else []
    warnings = dict.fromkeys(notice.warning for notice in several if notice.warning)
    tables = _joined([notice.outcomes for notice in several if notice.outcomes])
    return Notice(
        subject=f"{count} of your mails were handled",
        text="\n".join(lines) + "\n",
        outcomes=tables,
        warning="\n\n".join(warnings),
    )


def _in_one_line(notice: Notice) -> str:
    what, _, _ = notice.text.partition(_STEPS)
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


def warned(notice: Notice, settings: Settings) -> Notice:
    """`notice` with a word on what proved the mail, which is new: its owner is the one to notice a forgery."""
    warning = (
        "What proves that this mail is yours was not seen here before. If you did not send it, tell "
        f"{settings.mailbox('postmaster')} now: after a day, mail that comes the same way may reach many people "
        "without your being asked."
    )
    return notice.model_copy(update={"warning": warning})


def list_refused(problems: Sequence[str]) -> Notice:
    """The rows of a mailed list that belong to no event that could be sent."""
    return Notice(subject="Bulk Invite Status", text="\n".join(problems) + "\n")


def several_answer(event: Event, holder: Attendee) -> Notice:
    """Several people answer what one address was invited to."""
    return _notice(
        f"Several people answer for {holder.email}",
        event,
        f"You invited {holder.email}, and more than one other address answers there: it seems to be a mailing list. "
        "The answer of that address itself counts as before. Anyone else who answers counts as a separate person, "
        "once their mail is verified. To know who comes, invite each person at their own address.",
    )


def proposal(
    event: Event, attendee: Attendee, span: Span | None, comment: str, instance: Instant | None = None
) -> Notice:
    """An attendee would rather come at another time; their words are marked as theirs (promise 14)."""
    when = "they did not say when"
    if span:
        when = _when(span.model_copy(update={"timezone": event.span.timezone}))
    text = (
        f"{_person(attendee)} proposes another time for “{event.summary}”: {when}.\n"
        f"It is now {_when(_span(event, instance))}. Nothing was changed.\n\n"
        "To accept, move the event in your calendar and send the update, or have your agent do it. To keep the "
        "time, do nothing, or decline the proposal in your calendar.\n\n"
    )
    flat = " ".join(comment.split())[:500]
    return Notice(
        subject=f"New time proposed: {event.summary}"[:200],
        text=text + (f"They wrote: > {flat}\n" if flat else "") + f"uid: {event.uid}\n",
    )


def delegate_outside(event: Event, delegator: Attendee) -> Notice:
    """An attendee named a delegate whom the bounds of the event's key do not let it mail."""
    what = (
        f"{delegator.email} sends someone in their place whom this event's key may not mail. "
        "That person is not invited; the event's answers show who it is."
    )
    return _notice(f"Not invited: a delegate for {event.summary}", event, what)


def _person(attendee: Attendee) -> str:
    """Name and address: whoever proves an address may call themselves what they like."""
    return f"{attendee.name} ({attendee.email})" if attendee.name else attendee.email


def confirm(confirmation: Confirmation, settings: Settings) -> Notice:
    """Asks the owner of an address whether a mail in their name is theirs; it quotes nothing of it."""
    page = settings.page(f"confirm/{confirmation.code}")
    by_page = f", or open this page and press its button:\n{page}\n" if page else ".\n"
    text = (
        f"A mail in your name, {confirmation.address}, reached {_reached(confirmation, settings)}. Nothing in it "
        f"proves that you sent it, so it waits and has changed nothing.\n\n{confirmation.what}\n\n"
        f"If you sent it, reply to this mail with any text{by_page}\n"
        "If you did not, do nothing: nothing will happen.\n\n"
        f"This works once, until {words.day(confirmation.expires)}, {confirmation.expires:%H:%M} UTC.\n"
    )
    return Notice(
        subject="Did you send this? Please confirm",
        text=text,
        reply_to=settings.mailbox("confirm", confirmation.code),
    )


def _reached(confirmation: Confirmation, settings: Settings) -> str:
    """Where and when the mail came; never a receipt token, for it may be somebody else's."""
    at = confirmation.created
    mailbox = settings.mailbox(confirmation.mailbox.partition("+")[0])
    return f"{mailbox} on {words.day(at)}, {at:%H:%M} UTC"


def unproven(what: str, uid: str) -> Notice:
    """What became of a mail that nothing proves, to the address that it names: without a word of it."""
    text = (
        f"A mail in your name came to this server, and nothing in it proves that you sent it. Result: {what}.\n"
        + (f"uid: {uid}\n" if uid else "")
    )
    return Notice(subject="A mail in your name", text=text)


def first_proof(confirmation: Confirmation, settings: Settings) -> Notice:
    """Asks an organizer whether a mail that would reach many people is theirs, since what proves it is new."""
    page = settings.page(f"confirm/{confirmation.code}")
    by_page = f", or open this page and press its button:\n{page}\n" if page else ".\n"
    text = (
        f"A mail in your name, {confirmation.address}, reached {settings.domain}. What proves that you sent it was "
        "not seen here before: another mail server, or a new key. So it waits and has changed nothing.\n\n"
        f"{confirmation.what}\n\n"
        f"If you sent it, reply to this mail with any text{by_page}\n"
        "Other mail of yours that came the same way is released with it, and later mail that comes the same way "
        "is not held.\n\n"
        "If you did not, do nothing: nothing will happen. But someone can send mail as you: tell "
        f"{settings.mailbox('postmaster')}, and the people who run your mail.\n\n"
        f"This works once, until {words.day(confirmation.expires)}, {confirmation.expires:%H:%M} UTC.\n"
    )
    return Notice(
        subject="Did you send this to all these people? Please confirm",
        text=text,
        reply_to=settings.mailbox("confirm", confirmation.code),
    )


def registration(confirmation: Confirmation, settings: Settings) -> Notice:
    """Asks the sender of a proven mail whether to register their address as an organizer."""
    page = settings.page(f"confirm/{confirmation.code}")
    by_page = f", or open this page and press its button:\n{page}\n" if page else ".\n"
    text = (
        f"Your mail reached {_reached(confirmation, settings)}. {confirmation.address} is not registered here yet, so "
        f"the mail waits.\n\n{_REGISTERS}\n\n"
        f"To register, reply to this mail with any text{by_page}\n"
        "If you did not send that mail, do nothing.\n\n"
        f"This works until {words.day(confirmation.expires)}, {confirmation.expires:%H:%M} UTC.\n"
    )
    return Notice(
        subject="Confirm your address to create events",
        text=text,
        reply_to=settings.mailbox("confirm", confirmation.code),
    )


def naming(event: Event) -> str:
    """An event by its title, without links, and its time."""
    title = _LINK.sub("[link]", " ".join(event.summary.split()))[:_TITLE_SHOWN]
    return f"“{title}” ({_when(event.span)})"
