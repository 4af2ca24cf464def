"""What llms.txt tells a model that has never seen this server: definitions, workflows, installation."""

from __future__ import annotations

from cis_mcp.mcp.tools.catalog import SPECS

DEFINITIONS = {
    "Organizer": "the address that owns an event: a person's, or an agent's own. Invites are sent in its name",
    "Event": "one calendar event, which may recur. Its `uid` is ours, 40 characters, and never changes",
    "Sequence": "the revision of an event. It only grows; calendars follow the highest",
    "Attendee": "one address invited to one event, with its answer: accepted, declined, tentative or noaction",
    "Invite": "a mail that carries the event as iCalendar (METHOD:REQUEST); it goes to one person and shows no other",
    "Origin": "the channel that asked for an invite: api, bulk, vip, emailcta, …; `test` may be sent again and again",
    "Receipt": "an answer (Yes, No, Maybe) that an attendee's calendar program mails back; the newest counts",
    "Receipt address": "rsvp+token@domain, unguessable, one for each attendee of each event: what is mailed there "
    "is that attendee's answer",
    "Message": "one mail that is owed to somebody: queued, sending, accepted (a mail server took it), deferred, "
    "failed or withdrawn",
    "Campaign": "many messages of one cause, a list that is invited or a change that is told: draft, scheduled, "
    "running, paused, finished or cancelled",
    "Confirm token": "starts exactly the list and the revision of the event that a draft showed; a change voids it",
    "Audience": "who hears of a change: auto, accepted-or-tentative, not-declined, all, none",
    "Quarantine": "where mail waits whose sender is not proven or that cannot be read, until the operator decides",
    "User fatigue": "what repeated mail causes: asking twice sends once, unsubscribing stops an organizer's mail, and "
    "only those whom a change concerns are told",
}

WORKFLOWS = {
    "Invite one person": [
        "create_event(summary, start, duration, timezone)",
        "send_invite(uid, email, name)",
        "get_stats(scope, key)",
    ],
    "Invite a list (a campaign)": [
        "create_event(summary, start, end, timezone, idempotency_key)",
        "bulk_send(uid, csv): a draft; look at skipped rows and sample, ask your user",
        "control_campaign(campaign_id, action, confirm_token)",
        "get_campaign(campaign_id, wait_s)",
    ],
    "A fan picks games from a schedule": [
        "search_events(query, timezone)",
        "send_invite(uids, email): one invite for each; search_cursor instead of uids for all that were listed",
    ],
    "A system of record triggers an invite (CRM, billing, hiring)": [
        "create_event(summary, start, duration, timezone, idempotency_key): the key made of the record's id",
        "send_invite(uid, email, name, fields, origin): repeating the trigger sends nothing twice",
    ],
    "Move or reword an event with care": [
        "search_events(query)",
        "update_event(uid, start, dry_run): how many would be told",
        "update_event(uid, start, expected_sequence)",
        "get_campaign(campaign_id, wait_s)",
    ],
    "Call an event off": [
        "cancel_event(uid, reason, dry_run)",
        "cancel_event(uid, reason)",
    ],
    "Follow up and report": [
        "get_stats(scope, key)",
        "list_attendees(uid, status): noaction are those who have not answered",
        "send_report(uid): the CSV by mail",
    ],
    "Watch what happens, and find out why": [
        "list_changes(since): answers, failures, changes, also those that came by mail",
        "list_proposals(uid), then accept_proposal(uid, email) or decline_proposal(uid, email)",
        "explain_send(uid, email): every message, attempt and receipt of one person",
    ],
    "Import a season and keep it true": [
        "import_calendar(url, dry_run)",
        "import_calendar(url): again whenever it changes; nothing is doubled",
    ],
}
"""Each step begins with a call; its arguments are named, not given."""

_HEAD = """\
# Calendar Invite Server (cis-mcp)

> An MCP server with which AI agents create calendar events, send personal invites to one person or to a list, collect
> the answers (Yes, No, Maybe), change and cancel events so that every calendar stays true, and report.
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

## By mail

- create@domain: invite it to an event of your calendar program, and the event is created; change or cancel it there.
- bulk@domain: a mail with a CSV attached (uid, email, name) invites everybody on it.
- rsvp@domain: where attendees' calendar programs answer.

## More

- [README](README.md): mail addresses, commands
- [Settings](docs/settings.md)
- [Tools](docs/tools.md): every tool with its arguments and results
- [Architecture](docs/architecture.md)
- [Decisions](docs/decisions.md)
"""


def llms_txt() -> str:
    """The whole of llms.txt."""
    lines = [_HEAD, "## Definitions", ""]
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
