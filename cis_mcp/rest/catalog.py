"""Every endpoint, in the order of the document; a new kind of resource is one module and one line."""

from __future__ import annotations

from cis_mcp.rest import reference
from cis_mcp.rest.endpoint import Endpoint
from cis_mcp.rest.v1 import (
    attendees,
    campaigns,
    counting,
    events,
    exports,
    held,
    keys,
    links,
    mails,
    messages,
    organizers,
    pages,
    people,
    previews,
    record,
    suppressions,
    triggers,
    undo,
    webhooks,
)

REFERENCE = ("/event/", "/organizer/", "/system/")
"""Where the paths of the reference product begin."""

V1: tuple[Endpoint, ...] = (
    *events.ENDPOINTS,
    *mails.ENDPOINTS,
    *people.ENDPOINTS,
    *previews.ENDPOINTS,
    *attendees.ENDPOINTS,
    *campaigns.ENDPOINTS,
    *counting.ENDPOINTS,
    *exports.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *organizers.ENDPOINTS,
    *pages.ENDPOINTS,
    *links.ENDPOINTS,
    *triggers.ENDPOINTS,
    *undo.ENDPOINTS,
    *held.ENDPOINTS,
    *keys.ENDPOINTS,
    *messages.ENDPOINTS,
    *record.ENDPOINTS,
    *webhooks.ENDPOINTS,
)

EVERY: tuple[Endpoint, ...] = (*V1, *reference.ENDPOINTS)
"""All of them."""
