"""Campaign links as data: their addresses, the code to copy, and their use."""

from __future__ import annotations

from html import escape

from pydantic import BaseModel, Field

from cis_mcp.views import vendors
from cis_mcp.views.base import Data
from cis_mcp.views.events import utc
from engine.commands.pages.links import BUTTON_MAX, NAME_MAX, CreateLink, UpdateLink
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.campaign_links import BUDGET, BUTTON, EVENTS_MAX, CampaignLink, LinkCounts, Vendor
from engine.model.people import Origin
from engine.model.verbs import Verb
from engine.settings import Settings

_CELL = "border-radius:6px"
_ANCHOR = (
    "display:inline-block;padding:14px 28px;font-family:Arial,Helvetica,sans-serif;font-size:16px;"
    "font-weight:bold;line-height:20px;color:#ffffff;text-decoration:none"
)
_BLUE = "#1558b0"
_WITHHELD = "[key]"
"""Stands in the code where the key of a signed link would, for whoever may not make links."""


def path(link: CampaignLink) -> str:
    """The path of the link on our web server."""
    return f"/c/{link.token}"


def url(settings: Settings, link: CampaignLink) -> str:
    """The public URL, without a person's address."""
    return settings.public_url.rstrip("/") + path(link)


def address(settings: Settings, link: CampaignLink, vendor: Vendor) -> str:
    """The URL to put into a newsletter, with one parameter that the mail service fills in."""
    tag = vendor.signed_tag.replace("{key}", link.key) if link.key and vendor.signed_tag else vendor.email_tag
    return f"{url(settings, link)}?e={tag}" if tag else url(settings, link)


def button(settings: Settings, link: CampaignLink, vendor: Vendor) -> str:
    """The HTML of a button for mail clients, with the tag in the form that the mail service expects."""
    return (
        '<table role="presentation" border="0" cellpadding="0" cellspacing="0"><tr>'
        f'<td bgcolor="{_BLUE}" style="{_CELL}"><a href="{address(settings, link, vendor)}" target="_blank" '
        f'style="{_ANCHOR}">{escape(link.button)}</a></td></tr></table>'
    )


def form(settings: Settings, link: CampaignLink) -> str:
    """The HTML of a form for any web site, without a script or a style.

    If a filter removes forms, the plain link below remains. It opens in a new window, since our pages are never shown
    in another site's frame.
    """
    way = url(settings, link)
    return (
        f'<form method="post" action="{way}" target="_blank"><label>Your e-mail <input type="email" name="email" '
        f"required></label> <button>{escape(link.button)}</button></form>"
        f'<p><a href="{way}" target="_blank">{escape(link.button)}, on a page of its own</a></p>'
    )


class CodeToCopy(Data):
    """What to paste into a newsletter, how, and how to try it."""

    vendor: str = Field(description="name of the mail service")
    button_html: str = Field(description="a button, to be pasted as it is")
    plain_link: str = Field(description="the address, to be put behind any words")
    form_html: str = Field(description="a form for any web site; each press is confirmed by one mail")
    steps: list[str]
    test: str = Field(description="how to try it before it goes out")
    key: str = Field(
        description="with which addresses are signed: a secret, for who may make links; else empty"
    )


class LinkInfo(Data):
    """A campaign link as it is now."""

    id: str
    name: str
    organizer: str
    uids: list[str]
    vendor: str
    origin: Origin
    button: str
    landing: str = Field(
        description="where the button leads: slug of a page, an address; empty: our own page"
    )
    budget: int = Field(description="after this many presses each one must be confirmed by mail; 0: no limit")
    signed: bool
    active: bool
    url: str = Field(description="address of its page, to look at it")
    counts: LinkCounts = Field(
        description="shown, pressed, sent, answered; unmerged: opened without an address"
    )
    created: str = Field(description="UTC")


async def link_info(engine: Engine, link: CampaignLink) -> LinkInfo:
    """A link with its address and its counters."""
    return LinkInfo(
        id=link.id,
        name=link.name,
        organizer=link.organizer,
        uids=list(link.uids),
        vendor=link.vendor,
        origin=link.origin,
        button=link.button,
        landing=link.landing,
        budget=link.budget,
        signed=bool(link.key),
        active=link.active,
        url=url(engine.settings, link),
        counts=await engine.link_counts(link),
        created=utc(link.created),
    )


async def code_to_copy(
    engine: Engine, link: CampaignLink, actor: Actor, vendor_id: str = "", *, narrowed: bool = False
) -> CodeToCopy:
    """The code of a link, for its mail service or another one; its key only for who may make links.

    Whoever has the key signs any address, and an address that is signed is sent its invites unasked.
    `narrowed`: the caller may make none, whatever the verbs allow. Raises Refused: INVALID_ARGUMENT.
    """
    vendor = await vendors.vendor(engine, vendor_id or link.vendor)
    key = link.key if Verb.PUBLISH in actor.verbs and not narrowed else ""
    shown = link.model_copy(update={"key": link.key and (key or _WITHHELD)})
    steps = [*vendor.steps, *([_signing(vendor, key)] if link.key else [])]
    return CodeToCopy(
        vendor=vendor.name,
        button_html=button(engine.settings, shown, vendor),
        plain_link=address(engine.settings, shown, vendor),
        form_html=form(engine.settings, link),
        steps=steps,
        test=vendor.test,
        key=key,
    )


def _signing(vendor: Vendor, key: str) -> str:
    """What to know of a signed link; `key`: empty if it is withheld."""
    if not key:
        return "The link is signed. Its key is shown to whoever may make links."
    if "[signature]" in vendor.signed_tag:
        return (
            "The link is signed: [signature] is HMAC-SHA256 of the address as it stands in the link before encoding, "
            "with the key, in hexadecimal digits."
        )
    return "The link is signed; keep its code secret until it is sent."


class LinkFields(BaseModel):
    """What may be said of a link when it is made."""

    name: str = Field(
        description="your name for it, such as the audience; readers do not see it",
        max_length=NAME_MAX,
        examples=["May newsletter"],
    )
    events: list[str] = Field(
        description="uids or ids of the events the button sends invites for",
        min_length=1,
        max_length=EVENTS_MAX,
    )
    vendor: str = Field(
        description="mail service: mailchimp, klaviyo, sendgrid, hubspot, activecampaign, brevo, mailerlite, "
        "constantcontact, campaignmonitor, kit, beehiiv, ghost, braze, customerio, marketo, salesforce, substack, or "
        "own",
        max_length=100,
        examples=["mailchimp"],
    )
    button: str = Field(BUTTON, description="text of the button", max_length=BUTTON_MAX)
    landing: str = Field(
        "",
        description="where readers go after pressing the button: slug of one of your pages, or an address whose host "
        "the operator allowed; empty: this server's own page",
        max_length=2_000,
    )
    budget: int = Field(
        BUDGET,
        description="after this many presses (about the size of your list) each one must be confirmed by mail; "
        "0: no limit",
        ge=0,
    )
    signed: bool = Field(False, description="true: the mail service signs each reader's address (braze, own)")

    async def command(self, engine: Engine) -> CreateLink:
        """The command that creates the link. Raises Refused: INVALID_ARGUMENT."""
        vendor = await vendors.vendor(engine, self.vendor)
        vendors.refuse_unsigning(vendor, signed=self.signed)
        return CreateLink(
            name=self.name,
            events=tuple(self.events),
            vendor=vendor.id,
            origin=vendor.origin,
            button=self.button,
            landing=self.landing,
            budget=self.budget,
            signed=self.signed,
        )


class LinkChange(BaseModel):
    """What is to change of a link; what is left out stays."""

    name: str | None = Field(None, description="what you call it", max_length=NAME_MAX)
    events: list[str] | None = Field(
        None, description="uids or ids of the events the button sends invites for", max_length=EVENTS_MAX
    )
    button: str | None = Field(None, description="text of the button", max_length=BUTTON_MAX)
    landing: str | None = Field(
        None,
        description="slug of one of your pages, an address whose host the operator allowed, or empty: this "
        "server's own page",
        max_length=2_000,
    )
    budget: int | None = Field(
        None,
        description="after this many presses each one must be confirmed by mail; 0: no limit",
        ge=0,
    )
    active: bool | None = Field(None, description="false: ends it; true: puts it back")

    def command(self, link_id: str) -> UpdateLink:
        """The command that changes the link."""
        return UpdateLink(
            link=link_id,
            name=self.name,
            events=None if self.events is None else tuple(self.events),
            button=self.button,
            landing=self.landing,
            budget=self.budget,
            active=self.active,
        )
