"""Writes the page about the rules by which invites are previewed."""

from __future__ import annotations

from cis_mcp.views.forecast import ASPECTS, CLIENTS, NOT_KNOWN, rules

_HEAD = """\
# How clients show an invite

Made from `cis_mcp/views/forecast.json` by `make docs`. `preview_invite` and
`GET /v1/events/{uid}/attendees/{email}/preview` answer from these rules and nothing else; what has no rule is
“not known”. “read” is when the source was read, for sources without a date. A rule tells what its source says, not
what was tried here with an account.
"""


def forecast_md() -> str:
    """Each client with its rules and what is not known."""
    parts = [_HEAD]
    for client in CLIENTS:
        own = [rule for rule in rules() if rule.client == client]
        parts.append(f"## {client.replace('_', ' ').capitalize()}\n")
        if own:
            parts.append("| what | rule | source | date |\n|---|---|---|---|")
            for rule in own:
                only = f" ({' '.join(rule.needs).replace('_', ' ')})" if rule.needs else ""
                what = rule.aspect.replace("_", " ") + only
                parts.append(f"| {what} | {rule.says} | {rule.source} | {rule.date} |")
            parts.append("")
        missing = [aspect.replace("_", " ") for aspect in ASPECTS if aspect not in {r.aspect for r in own}]
        if missing:
            parts.append(f"{NOT_KNOWN.capitalize()}: {', '.join(missing)}.\n")
    return "\n".join(parts)
