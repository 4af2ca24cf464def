"""All kinds of values in the table, each by the name in its items' keys."""

from __future__ import annotations

from typing import Any

from engine.store.dynamodb.answers import ALIASES, AUTOMATIC_REPLIES, DELEGATIONS, INSTANCE_ANSWERS, PROPOSALS
from engine.store.dynamodb.attendees import MAILED, PLACES_GIVEN, RECEIPTS, ZONES
from engine.store.dynamodb.branding import BRANDINGS
from engine.store.dynamodb.budgets import KEY_DAYS, PERSONS, RESERVES
from engine.store.dynamodb.bulk_changes import CHANGES
from engine.store.dynamodb.campaigns import CAMPAIGNS, FANOUTS
from engine.store.dynamodb.changes import CHAINS, HEADS
from engine.store.dynamodb.changes import ENTRIES as NOTED
from engine.store.dynamodb.confirmations import CONFIRMATIONS, PROMPTS, PROOFS, TRIALS
from engine.store.dynamodb.events import EVENTS, ORGANIZERS, SOURCES
from engine.store.dynamodb.feeds import ENTRIES as FEED_ENTRIES
from engine.store.dynamodb.feeds import FEEDS
from engine.store.dynamodb.held import APPROVALS, HELD
from engine.store.dynamodb.held_now import LEASES
from engine.store.dynamodb.inbox_messages import MESSAGES
from engine.store.dynamodb.keys import KEYS, LISTS, STOPS
from engine.store.dynamodb.links import HOSTS, INVITES, LINKS, VENDORS
from engine.store.dynamodb.lists import CHUNKS, MARKED, RESTS, SKIPS
from engine.store.dynamodb.names import Key
from engine.store.dynamodb.notices import DIGESTS, TELLING
from engine.store.dynamodb.orders import ENROLMENTS, PURCHASES, REDACTIONS
from engine.store.dynamodb.organizers import ADDRESSES
from engine.store.dynamodb.owed import INVITEES, MAILS, OLDER
from engine.store.dynamodb.pages import CONFIRMED, PAGES
from engine.store.dynamodb.pages import REQUESTS as PAGE_REQUESTS
from engine.store.dynamodb.pictures import CONTENTS, PICTURES
from engine.store.dynamodb.posted import REQUESTS as POSTED
from engine.store.dynamodb.posted import SIZES
from engine.store.dynamodb.quarantine import MAILS as KEPT_MAILS
from engine.store.dynamodb.quarantine import SHARES
from engine.store.dynamodb.quotas import PACES, QUOTAS
from engine.store.dynamodb.record import CUT, HEAD, OLD_LINES, ROWS, SALTS
from engine.store.dynamodb.requests import INTAKES, REMEMBERED
from engine.store.dynamodb.revisions import REPLACED
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.sessions import LINKS as SIGN_INS
from engine.store.dynamodb.sessions import ROUNDS, SESSIONS
from engine.store.dynamodb.snapshots import SNAPSHOTS
from engine.store.dynamodb.suppressions import FORGETTING_KEYS, FORGOTTEN, SUPPRESSIONS
from engine.store.dynamodb.touched import HEADS as TOUCHED_HEADS
from engine.store.dynamodb.touched import PEOPLED, TOUCHED
from engine.store.dynamodb.triggers import DELIVERIES, OBJECTS, TRIGGERS
from engine.store.dynamodb.triggers import FORGOTTEN as GONE_OBJECTS
from engine.store.dynamodb.triggers import NAMES as TRIGGER_NAMES
from engine.store.dynamodb.undos import UNDOS
from engine.store.dynamodb.webhooks import GONE, POSTINGS, WEBHOOKS
from engine.store.dynamodb.windows import WINDOWS

_SHARED: dict[str, dict[str, KindTable[Any]]] = {
    "event": {
        "event": EVENTS,
        "attendee": INVITEES,
        "message": OLDER,
        "receipt": RECEIPTS,
        "instance": INSTANCE_ANSWERS,
        "proposal": PROPOSALS,
        "delegation": DELEGATIONS,
        "alias": ALIASES,
        "automatic": AUTOMATIC_REPLIES,
        "revision": REPLACED,
        "chain": CHAINS,
        "places": PLACES_GIVEN,
    },
    "list": {"rows": CHUNKS, "skip": SKIPS, "marked": MARKED, "rest": RESTS},
}
"""Tables that share partitions, by the prefixes of their sort keys."""
_ALONE: dict[str, KindTable[Any]] = {
    table.name: table
    for table in (
        *(ADDRESSES, APPROVALS, BRANDINGS, CAMPAIGNS, CHANGES, CONFIRMATIONS, CONFIRMED, CONTENTS, CUT),
        *(DELIVERIES, DIGESTS, ENROLMENTS, FANOUTS, FEED_ENTRIES, FEEDS, FORGETTING_KEYS, FORGOTTEN, HEAD),
        *(HEADS, HELD, HOSTS, INTAKES, INVITES, KEPT_MAILS, KEY_DAYS, KEYS, LEASES, LINKS, LISTS, MAILED),
        *(MAILS, MESSAGES, NOTED, OBJECTS, ORGANIZERS, PACES, PAGE_REQUESTS, PAGES, PERSONS, PICTURES),
        *(POSTED, POSTINGS, PROMPTS, PROOFS, PURCHASES, QUOTAS, REDACTIONS, REMEMBERED, RESERVES, ROWS),
        *(
            SALTS,
            SESSIONS,
            SHARES,
            SIGN_INS,
            SIZES,
            SOURCES,
            STOPS,
            SUPPRESSIONS,
            TELLING,
            TRIALS,
            TRIGGERS,
            UNDOS,
        ),
        *(GONE, GONE_OBJECTS, OLD_LINES, ROUNDS, SNAPSHOTS, TRIGGER_NAMES),
        *(PEOPLED, TOUCHED, TOUCHED_HEADS, VENDORS, WEBHOOKS, WINDOWS, ZONES),
    )
}
TABLES: dict[str, KindTable[Any]] = {
    **_ALONE,
    **{name: table for lying in _SHARED.values() for name, table in lying.items()},
}
"""All tables by the names of their kinds."""


def kind(key: Key) -> str:
    """The kind of the value in an item, from its key; empty for an index entry.

    Raises LookupError for an unknown key.
    """
    name, place = key[0].partition("#")[0], key[1].partition("#")[0]
    if "@" in name:
        return ""
    found = place if name in _SHARED else name
    if found not in (_SHARED.get(name) or _ALONE):
        raise LookupError(f"no table has an item {key}")
    return found
