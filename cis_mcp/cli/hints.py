"""The next step for a person at the command line when the engine refuses, by code."""

from __future__ import annotations

from collections.abc import Mapping

from engine.refusals import Code, Refused

HINTS: Mapping[Code, str] = {
    Code.UNKNOWN_EVENT: "Its id is in the mail that confirmed its creation.",
    Code.UNKNOWN_CAMPAIGN: "List the campaigns with “cis-mcp campaign”.",
    Code.OUT_OF_BOUNDS: "Change the key with “cis-mcp key change”.",
    Code.UNKNOWN_PAGE: "List the pages with “cis-mcp page list”.",
    Code.UNKNOWN_LINK: "List the links with “cis-mcp link list”.",
    Code.UNKNOWN_KEY: "List the keys with “cis-mcp key list”.",
    Code.UNKNOWN_TRIGGER: "List them with “cis-mcp trigger list”.",
    Code.UNKNOWN_DELIVERY: "List them with “cis-mcp trigger deliveries”.",
    Code.UNKNOWN_WEBHOOK: "List them with “cis-mcp webhook list”.",
    Code.UNKNOWN_POSTING: "List them with “cis-mcp webhook postings”.",
    Code.UNKNOWN_HELD_ACTION: "List the requests with “cis-mcp approval list”.",
    Code.HELD_ACTION_STATE: "See its outcome with “cis-mcp approval show”.",
    Code.UNKNOWN_UNDO: "List what can be undone with “cis-mcp undo”.",
    Code.UNDO_OVER: "Send a change or a cancellation to correct it.",
    Code.ADDRESS_SUPPRESSED: "See why with “cis-mcp suppression list ADDRESS”.",
    Code.ORGANIZER_SUSPENDED: "Lift it with “cis-mcp organizer resume”.",
}


def line(refused: Refused) -> str:
    """The code, what is wrong and what to do next, on one line."""
    next_step = refused.hint or HINTS.get(refused.code, "")
    return f"{refused.code}: {refused.message} {next_step}".strip()
