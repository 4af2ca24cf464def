"""Writes llms.txt, which tells a model new to this server the definitions, workflows and installation."""

from __future__ import annotations

from cis_mcp.mcp.tools.catalog import SPECS

TRADE = {
    "API Gateway": "the part that holds an event's data, sends its invites and receives its receipts for as long as "
    "the event lives. Here: the engine behind these tools, over stdio or HTTP",
    "Calendar Invite Server": "a server that runs an event's communication at scale by acting as a calendar organizer: "
    "it mails each person an invite, receives the answers, and sends updates and cancellations",
    "Calendar Receipt": "the answer (Yes, No, Maybe) that a person's calendar client mails back to the organizer. The "
    "newest counts; all are kept",
    "Cross-Client Compatibility": "Google Calendar, Outlook, Apple Calendar and others all show the same invite "
    "correctly. Each mail carries the event in every form that any of them needs",
    "CRUD Engine": "the organizer's own calendar client, used to create, read, update and delete an event: the "
    "organizer invites create@ to it. Agents do the same with the tools",
    "Dropbox Logic": "the organizer's calendar mails each change to create@, and the server sends the updates, once "
    "the sender is proven",
    "Duplicity of Work": "entering and maintaining one event by hand in several systems. Here an event exists once; "
    "an `idempotency_key`, or the UIDs of an imported calendar, keep it from being entered twice",
    "Email Death": "several mails back and forth to agree on one event. An invite and one click replace them",
    "ICS File": "a static text file of an event, such as add-to-calendar buttons hand out; no update ever reaches "
    "it. Here it is only part of a live invite",
    "IETF Protocol": "the published standards that calendars use: iCalendar (RFC 5545), iTIP (RFC 5546) and iMIP "
    "(RFC 6047). Invites and answers need nothing else",
    "No Reply Scenario": "a static file tells the organizer nothing about what people did with it. Here, people who "
    "got an invite but have not answered are listed as noaction",
    "One-Click Mechanics": "one click on Yes, No or Maybe puts a live invite into the person's own calendar and "
    "brings the answer here",
    "REST API Pipeline": "what makes and sends a proper invite when a person enters an address and presses a button. "
    "Here a program calls send_invite, over MCP or REST: the invite is stored before the call returns, and mailed "
    "even if the server restarts",
    "RSVP Duplicity": "an add-to-calendar button plus a separate form for answers. An invite is both in one",
    "User Fatigue": "people give up because of broken buttons, too many reminders and confusing updates. So here "
    "asking twice sends once, only the people affected by a change are notified, and unsubscribing stops an "
    "organizer's mail",
}
"""The trade's terms, with its meaning, and what they are in this server."""

DEFINITIONS = {
    "Organizer": "the address that owns an event: a person's, or an agent's own. Invites are sent in its name",
    "Event": "one calendar event, which may recur. The server gives it a `uid` of 40 characters, which never changes",
    "Sequence": "the revision of an event. It only grows; calendars follow the highest",
    "Attendee": "one address invited to one event, with its answer: accepted, declined, tentative or noaction",
    "Invite": "a mail that carries the event as iCalendar (METHOD:REQUEST) to one person and shows them no other guest",
    "Origin": "the channel an invite came from: api, bulk, vip, emailcta, …; `test` may be sent any number of times",
    "Receipt address": "rsvp+token@domain, unguessable, one for each attendee of each event; a reply sent there is "
    "that attendee's answer",
    "Message": "one mail to one person: queued, sending, sent (a mail server took it), deferred, "
    "failed or withdrawn",
    "Campaign": "many messages with one cause, such as inviting a list or announcing a change: draft, scheduled, "
    "running, paused, finished or cancelled",
    "Confirm token": "starts a draft with exactly the list and the revision of the event that it showed; a change "
    "voids it",
    "Audience": "who is notified of a change: auto, accepted-or-tentative, not-declined, all, none",
    "Quarantine": "where mail waits if its sender is not proven or it cannot be read, until the operator decides",
}
"""The server's own terms."""

WORKFLOWS = {
    "Create an event": [
        "create_event(summary, start, duration, timezone): check the weekday in the result",
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
        "list_changes(since): answers as they arrive",
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
        "create_event(summary, start, duration, timezone, idempotency_key): the key made from the record's id",
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
        "import_calendar(url): again whenever it changes; nothing is duplicated",
    ],
}
"""The first six are the trade's. Each step begins with a call; its arguments are named, not given."""

_HEAD = """\
# Calendar Invite Server (cis-mcp)

> With this MCP server, AI agents create calendar events, send personal invites to one person or to a list, collect the
> answers (Yes, No, Maybe), change and cancel events so that every calendar follows, and report.
"""

_INSTALLATION = """\
## Installation

- Try it: `make demo` sets everything up in `.venv` and plays the whole story. Python 3.11 or newer; nothing leaves the
  machine until CIS_OUTBOX names a mail server.
- Install: `pipx install .`, or run it with `uvx --from . cis-mcp serve`.
- Claude Code: `claude mcp add calendar-invites -- cis-mcp serve`. Other clients: [docs/clients.md](docs/clients.md).
- Over HTTP: `cis-mcp key create --name NAME --for ADDRESS`, then `cis-mcp serve --http HOST:PORT` (at /mcp).
- Which tools: `--tier core|extended|operator`, `--tools a,b`, `--exclude-tools a,b`, `--read-only`.
- Check it: `cis-mcp verify`, `cis-mcp config`, `cis-mcp check`.
- Move to another store: `cis-mcp move --from STORE --to STORE`.

## By mail

- create@domain: invite it to an event in your calendar, and the event is created; change or cancel the event there.
- bulk@domain: a mail with a CSV attached (uid, email, name) invites everyone on it.
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
    lines += ["", "In the results of the tools:", ""]
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
