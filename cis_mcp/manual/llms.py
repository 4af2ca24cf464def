"""What llms.txt tells a model that has never seen this server: definitions, workflows, installation."""

from __future__ import annotations

from cis_mcp.mcp.tools.catalog import SPECS

TRADE = {
    "API Gateway": "the part that has an event's data at hand, sends its invites and takes in its receipts for as long "
    "as the event lives. Here: the engine behind these tools, over stdio or HTTP",
    "Calendar Invite Server": "a server that runs an event's communication at scale by acting as a calendar organizer: "
    "it sends each person an invite by mail, takes in the answers, and sends updates and cancellations",
    "Calendar Receipt": "the answer (Yes, No, Maybe) that a person's calendar client mails back to the organizer. The "
    "newest counts; all are kept",
    "Cross-Client Compatibility": "one invite is read and shown rightly by Google Calendar, Outlook, Apple Calendar "
    "and others. Each mail carries the event in every form that one of them needs",
    "CRUD Engine": "the organizer's own calendar client as the place where an event is created, read, updated and "
    "deleted: invite create@ to it. Agents do the same with the tools",
    "Dropbox Logic": "the organizer's changes are noticed in what is mailed to create@ and start the updates, once the "
    "sender is proven",
    "Duplicity of Work": "entering and keeping one event by hand in several systems. An event lives once here; an "
    "`idempotency_key` or an imported calendar's own UIDs keep it from being entered twice",
    "Email Death": "several mails going to and fro to settle one event. An invite and one click replace them",
    "ICS File": "a static text file of an event, as add-to-calendar buttons give out; it never hears of a change. Here "
    "it is only what a live invite carries",
    "IETF Protocol": "the published standards by which calendars talk: iCalendar (RFC 5545), iTIP (RFC 5546) and iMIP "
    "(RFC 6047). Invites and answers need nothing else",
    "No Reply Scenario": "a static file tells the organizer nothing of what people did with it. Who got an invite but "
    "has not answered is listed here as noaction",
    "One-Click Mechanics": "one click on Yes, No or Maybe, and a live invite is in the person's own calendar and the "
    "answer is here",
    "REST API Pipeline": "what makes and sends a proper invite when a person gives an address and presses a button. "
    "Here a program does it by calling send_invite over MCP; it answers once the invite is owed, and mails it after",
    "RSVP Duplicity": "an add-to-calendar button and a separate form for answers. An invite is both in one",
    "User Fatigue": "people give up after buttons that fail, reminders and confusing updates. So asking twice sends "
    "once, only the people affected by a change are notified, and unsubscribing stops an organizer's mail",
}
"""The trade's terms, in its sense, and what stands for them in this server."""

DEFINITIONS = {
    "Organizer": "the address that owns an event: a person's, or an agent's own. Invites are sent in its name",
    "Event": "one calendar event, which may recur. Its `uid` is ours, 40 characters, and never changes",
    "Sequence": "the revision of an event. It only grows; calendars follow the highest",
    "Attendee": "one address invited to one event, with its answer: accepted, declined, tentative or noaction",
    "Invite": "a mail that carries the event as iCalendar (METHOD:REQUEST); it goes to one person and shows no other",
    "Origin": "the channel that asked for an invite: api, bulk, vip, emailcta, …; `test` may be sent again and again",
    "Receipt address": "rsvp+token@domain, unguessable, one for each attendee of each event: what is mailed there "
    "is that attendee's answer",
    "Message": "one mail to one person: queued, sending, sent (a mail server took it), deferred, "
    "failed or withdrawn",
    "Campaign": "many messages with one cause, a list that is invited or a change that is announced: draft, scheduled, "
    "running, paused, finished or cancelled",
    "Confirm token": "starts exactly the list and the revision of the event that a draft showed; a change voids it",
    "Audience": "who is notified of a change: auto, accepted-or-tentative, not-declined, all, none",
    "Quarantine": "where mail waits if its sender is not proven or it cannot be read, until the operator decides",
}
"""Our own words."""

WORKFLOWS = {
    "Create an event": [
        "create_event(summary, start, duration, timezone): check the weekday in the answer",
        "get_event(uid)",
    ],
    "Update an event": [
        "search_events(query)",
        "update_event(uid, start, dry_run): how many would be notified",
        "update_event(uid, start, expected_sequence)",
        "get_campaign(campaign_id, wait_s)",
    ],
    "Cancel an event": [
        "cancel_event(uid, note, dry_run): how many would be notified",
        "cancel_event(uid, note)",
        "get_campaign(campaign_id, wait_s)",
    ],
    "Send to a batch list": [
        "bulk_send(uid, csv): a draft; look at skipped rows and sample, ask your user",
        "control_campaign(campaign_id, action, confirm_token)",
        "get_campaign(campaign_id, wait_s)",
    ],
    "Collect receipts": [
        "get_stats(scope, key): how many said Yes, No and Maybe",
        "list_attendees(uid, status): noaction are those who have not answered",
        "list_changes(since): answers as they come",
    ],
    "Get the invitee report": [
        "list_attendees(uid): the answers here, a page at a time",
        "send_report(uid): all of them as CSV, by mail to the organizer",
    ],
    "Invite one person": [
        "create_event(summary, start, duration, timezone)",
        "send_invite(uid, email, name)",
        "get_stats(scope, key)",
    ],
    "A fan picks games from a schedule": [
        "search_events(query, timezone)",
        "send_invite(uids, email): one invite for each; search_cursor instead of uids for all that were listed",
    ],
    "A system of record triggers an invite (CRM, billing, hiring)": [
        "create_event(summary, start, duration, timezone, idempotency_key): the key made of the record's id",
        "send_invite(uid, email, name, fields, origin): repeating the trigger sends nothing twice",
    ],
    "Watch what happens, and find out why": [
        "list_changes(since): answers, failures, changes, also those that came by mail",
        "get_event(uid): shows the times that attendees propose",
        "answer_proposal(uid, email, answer): accept or decline one",
        "get_attendee(uid, email): every message, attempt and answer of one person",
    ],
    "Remind people, or take one out": [
        "remind(uid, who, note, dry_run): who gets it, and who does not and why",
        "remind(uid, who, note)",
        "withdraw_invite(uid, email, note): their entry is cancelled; no one else is notified",
    ],
    "Import a season and keep it up to date": [
        "import_calendar(url, dry_run)",
        "import_calendar(url): again whenever it changes; nothing is doubled",
    ],
}
"""The first six are the trade's. Each step begins with a call; its arguments are named, not given."""

_HEAD = """\
# Calendar Invite Server (cis-mcp)

> An MCP server with which AI agents create calendar events, send personal invites to one person or to a list, collect
> the answers (Yes, No, Maybe), change and cancel events so that every calendar follows, and report.
"""

_INSTALLATION = """\
## Installation

- Try it: `make demo` sets everything up in `.venv` and tells the whole story. Python 3.11 or newer; nothing leaves the
  machine until CIS_OUTBOX names a mail server.
- Install: `pipx install .`, or run it by `uvx --from . cis-mcp serve`.
- Claude Code: `claude mcp add calendar-invites -- cis-mcp serve`. Other clients: [docs/clients.md](docs/clients.md).
- Over HTTP: `cis-mcp key create --name NAME --for ADDRESS`, then `cis-mcp serve --http HOST:PORT` (at /mcp).
- Which tools: `--tier core|extended|operator`, `--tools a,b`, `--exclude-tools a,b`, `--read-only`.
- Check it: `cis-mcp verify`, `cis-mcp config`, `cis-mcp check`.
- To another store: `cis-mcp move --from STORE --to STORE`.

## By mail

- create@domain: invite it to an event of your calendar program, and the event is created; change or cancel it there.
- bulk@domain: a mail with a CSV attached (uid, email, name) invites everybody on it.
- rsvp@domain: where calendar clients send their replies.

## More

- [README](README.md): mail addresses, commands
- [Settings](docs/settings.md)
- [Tools](docs/tools.md): every tool with its arguments and results
- [Promises](docs/promises.md): the rules that always hold
- [Architecture](docs/architecture.md)
- [Decisions](docs/decisions.md)
"""


def llms_txt() -> str:
    """The whole of llms.txt."""
    lines = [_HEAD, "## Definitions", ""]
    lines += [f"- {term}: {words}." for term, words in TRADE.items()]
    lines += ["", "In the answers of the tools:", ""]
    lines += [f"- {term}: {words}." for term, words in DEFINITIONS.items()]
    lines += ["", "## Workflows", ""]
    lines += [f"- {title}: {' → '.join(steps)}" for title, steps in WORKFLOWS.items()]
    lines += ["", "## Tools", ""]
    lines += [
        f"- [{spec.name}](docs/tools.md#{spec.name}): {spec.title.lower()}{_tier(spec.name)}"
        for spec in SPECS["operator"]
    ]
    return "\n".join([*lines, "", _INSTALLATION])


def _tier(name: str) -> str:
    """In brackets, for a tool that is not in every server."""
    tier = next(tier for tier, specs in SPECS.items() if name in {spec.name for spec in specs})
    return "" if tier == "core" else f" (tier {tier})"
