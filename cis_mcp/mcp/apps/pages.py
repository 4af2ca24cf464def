"""All pages, the tools they belong to, and the resources by which a host reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from mcp.server.apps import Apps
from mcp.server.mcpserver.resources import FunctionResource

from cis_mcp.mcp.apps.document import document

_META = {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}}
"""No network access; and a border, since the pages have none of their own."""


@dataclass(frozen=True)
class AppPage:
    """A page; `carriers` are the tools whose results it shows, `needs` the tools that it calls itself."""

    name: str
    title: str
    description: str
    carriers: frozenset[str]
    needs: frozenset[str]

    @property
    def uri(self) -> str:
        """The URI from which the client reads the page."""
        return f"ui://cis/{self.name}.html"


PAGES = (
    AppPage(
        "dashboard",
        "Answers and campaigns",
        "Shows who answered what and how far a campaign is, live.",
        carriers=frozenset({"get_stats", "get_campaign", "control_campaign", "bulk_send"}),
        needs=frozenset({"get_stats", "get_campaign", "get_event"}),
    ),
    AppPage(
        "picker",
        "Schedule picker",
        "Finds events, lets a person tick some, and sends the invites to one address.",
        carriers=frozenset({"search_events"}),
        needs=frozenset({"search_events", "send_invite"}),
    ),
    AppPage(
        "held",
        "Held action",
        "Shows exactly what a yes would do, and takes the yes or no of whoever may say it.",
        carriers=frozenset({"get_held_action"}),
        needs=frozenset({"get_held_action", "decide_held_action"}),
    ),
)


def apps() -> Apps:
    """The extension with its pages, each built when first read."""
    extension = Apps()
    for page in PAGES:
        extension.add_resource(
            FunctionResource(
                uri=page.uri,
                name=page.name,
                title=page.title,
                description=page.description,
                mime_type="text/html;profile=mcp-app",
                meta=_META,
                fn=partial(document, page.name, page.title),
            )
        )
    return extension
