"""create_link, update_link and list_links, called by a real MCP client."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.mcp.tools import Selection
from cis_mcp.pages import published
from cis_mcp.views import vendors
from engine.commands.pages.vendors import SaveVendor
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.campaign_links import Vendor
from engine.model.people import Origin
from engine.refusals import Code
from tests.support.engines import attendee, created, do, refusal
from tests.tools.caller import Mode, agent, calling, text_of


async def test_a_schedule_page_and_the_code_for_mailchimp_are_two_calls(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    async with calling(engine, mode, tier="extended") as caller:
        page = await caller.ok("create_page", title="Season")
        made = await caller.ok(
            "create_link", name="May", events=[event.id], vendor="Mailchimp", landing=page["page"]["slug"]
        )
        assert made["code"]["plain_link"] == f"{made['link']['url']}?e=*|URL:EMAIL|*"
        assert f'href="{made["code"]["plain_link"]}"' in made["code"]["button_html"]
        assert ">Send Calendar Invite</a>" in made["code"]["button_html"]
        assert (made["link"]["origin"], made["link"]["landing"]) == ("mailchimpcta", "season")
        changed = await caller.ok(
            "update_link", link=made["link"]["id"], button="Register <Now>", clear=["landing"], active=False
        )
        assert changed["changed"] == ["active", "button", "landing"]
        assert ">Register &lt;Now&gt;</a>" in changed["code"]["button_html"]
        listed = await caller.ok("list_links")
        assert listed["links"] == [changed["link"]]
        assert listed["code"] is None
        one = await caller.ok("list_links", link=made["link"]["id"], vendor="klaviyo")
        assert one["code"]["plain_link"].endswith("?e={{ person.email|urlencode }}")


async def test_who_comes_by_a_vendor_s_link_is_counted_with_that_vendor_s_origin(engine: Engine) -> None:
    event = await created(engine)
    way = httpx.ASGITransport(Starlette(routes=published.routes(engine)))
    known = vendors.ours()
    assert len(known) == 18
    async with (
        calling(engine, tier="extended") as caller,
        httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web,
    ):
        for vendor in known:
            made = await caller.ok("create_link", name=vendor.name, events=[event.id], vendor=vendor.id)
            who = f"{vendor.id}@example.com"
            path = urlsplit(made["link"]["url"]).path
            assert (await web.post(path, data={"email": who, "h": "1"})).status_code == 303, vendor.id
            assert (await attendee(engine, event, who)).origin == vendor.origin, vendor.id


async def test_an_organizer_allows_hosts_to_which_their_links_lead(engine: Engine) -> None:
    event = await created(engine)
    link = {"name": "May", "events": [event.id], "vendor": "own", "landing": "https://shop.example/thanks"}
    async with calling(engine, tier="extended") as caller:
        assert await caller.code("create_link", **link) == "url_not_allowed"
        allowed = await caller.ok("set_landing_hosts", hosts=["*.Shop.example", "shop.example"])
        assert allowed["hosts"] == ["*.shop.example", "shop.example"]
        assert (await caller.ok("create_link", **link))["link"]["landing"] == link["landing"]
        assert await caller.code("set_landing_hosts", hosts=["no host"]) == "invalid_argument"
        assert (await caller.ok("set_landing_hosts", hosts=[]))["hosts"] == []
        assert await caller.code("create_link", **link) == "url_not_allowed"


async def test_links_are_listed_in_parts(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        for name in ("One", "Two", "Three"):
            await caller.ok("create_link", name=name, events=[event.id], vendor="own")
        first = await caller.ok("list_links", limit=2)
        rest = await caller.ok("list_links", cursor=first["next_cursor"])
        names = {link["name"] for link in first["links"] + rest["links"]}
        assert (names, rest["next_cursor"]) == ({"One", "Two", "Three"}, None)
        assert await caller.code("list_links", cursor="nothing") == "invalid_cursor"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"events": ["nothing"]}, "unknown_event"),
        ({"vendor": "mailchump"}, "invalid_argument"),
        ({"name": " "}, "invalid_argument"),
        ({"button": "a" * 41}, "invalid_argument"),
        ({"landing": "nothing"}, "unknown_page"),
        ({"landing": "https://evil.example/"}, "url_not_allowed"),
        ({"landing": "javascript:alert(1)"}, "url_not_allowed"),
        ({"signed": True}, "invalid_argument"),
        ({"budget": 99_999_999}, "invalid_argument"),
    ],
)
async def test_what_a_link_cannot_be_is_refused_and_nothing_is_made(
    engine: Engine, arguments: dict[str, object], code: str
) -> None:
    event = await created(engine)
    given = {"name": "May", "events": [event.id], "vendor": "mailchimp", **arguments}
    async with calling(engine, tier="extended") as caller:
        assert await caller.code("create_link", **given) == code
        assert (await caller.ok("list_links"))["links"] == []


async def test_a_link_of_somebody_else_is_as_unknown_as_none(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        made = await caller.ok("create_link", name="May", events=[event.id], vendor="own")
    other = Actor(kind="agent", address="eve@example.org", scopes=frozenset({"read", "publish"}))
    from engine.commands.pages.links import CreateLink, UpdateLink

    assert (
        await refusal(engine, UpdateLink(link=made["link"]["id"], active=False), other) is Code.UNKNOWN_LINK
    )
    theirs = CreateLink(name="May", events=(event.id,), vendor="own")
    assert await refusal(engine, theirs, other) is Code.UNKNOWN_EVENT
    assert await engine.links(other) == []


async def test_an_agent_that_may_only_read_is_not_shown_the_key_of_a_signed_link(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        made = await caller.ok("create_link", name="May", events=[event.id], vendor="braze", signed=True)
    link, key = made["link"]["id"], made["code"]["key"]
    reader = agent(event.organizer, frozenset({"read", "report"}))
    async with calling(engine, actor=reader, tier="extended") as caller:
        seen = await caller.call("list_links", link=link)
    assert seen.structured_content is not None
    assert seen.structured_content["code"]["key"] == ""
    assert key not in f"{seen.structured_content}{text_of(seen)}"


async def test_a_key_whose_tools_make_no_link_is_not_shown_the_key_of_one(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        made = await caller.ok("create_link", name="May", events=[event.id], vendor="braze", signed=True)
    link, key = made["link"]["id"], made["code"]["key"]
    publisher = agent(event.organizer, frozenset({"read", "publish"}))
    for few in (Selection(tools=("list_links",)), Selection(tier="extended", read_only=True)):
        async with calling(engine, actor=publisher, tier="extended", granted=few) as caller:
            seen = await caller.call("list_links", link=link)
        assert seen.structured_content is not None
        assert seen.structured_content["code"]["key"] == ""
        assert key not in f"{seen.structured_content}{text_of(seen)}"


async def test_operators_add_change_hide_and_order_mail_services(engine: Engine) -> None:
    first, second, *_ = await vendors.vendors(engine)
    await do(engine, SaveVendor(vendor=first.model_copy(update={"hidden": True})))
    await do(engine, SaveVendor(vendor=second.model_copy(update={"place": 900, "origin": Origin.ZOHO})))
    new = Vendor(id="postbox", name="Postbox", email_tag="<<mail>>", place=1)
    assert await refusal(engine, SaveVendor(vendor=new)) is Code.INVALID_ARGUMENT
    await do(engine, SaveVendor(vendor=new.model_copy(update={"email_tag": "((mail))"})))
    offered = [one.id for one in await vendors.vendors(engine)]
    assert (offered[0], offered[-1]) == ("postbox", second.id)
    assert first.id not in offered
    agent = Actor(kind="agent", address="ann@example.com", scopes=frozenset({"publish"}))
    assert await refusal(engine, SaveVendor(vendor=second), agent) is Code.NOT_ALLOWED
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        made = await caller.ok("create_link", name="May", events=[event.id], vendor=second.id)
        assert made["link"]["origin"] == "zoho"
