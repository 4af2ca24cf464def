"""Every endpoint, in the order of the document; a new kind of thing is one module and one line."""

from __future__ import annotations

from cis_mcp.rest.endpoint import Endpoint
from cis_mcp.rest.v1 import attendees, campaigns, counting, events, people

V1: tuple[Endpoint, ...] = (
    *events.ENDPOINTS,
    *people.ENDPOINTS,
    *attendees.ENDPOINTS,
    *campaigns.ENDPOINTS,
    *counting.ENDPOINTS,
)
