"""`cis-mcp page …`: the public web pages of an organizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from engine.commands.pages.pages import PageFields
    from engine.settings import Settings

_FIELDS = (
    click.option("--intro", help="Text above the events."),
    click.option("--closing", help="Text below the events."),
    click.option("--month", metavar="YYYY-MM", help="Only events of this month."),
    click.option("--query", help="Only events that this search finds."),
    click.option("--event", "events", multiple=True, metavar="ID", help="Only this event; repeatable."),
    click.option("--layout", type=click.Choice(["list", "compact", "cards", "agenda"])),
    click.option("--by", type=click.Choice(["day", "week", "month"]), help="How events are grouped."),
    click.option("--colour", metavar="#RRGGBB", help="Colour of buttons and links."),
    click.option("--hours", type=int, help="12-hour or 24-hour clock."),
    click.option("--show", multiple=True, metavar="WHAT", help="Repeatable."),
    click.option("--hide", multiple=True, metavar="WHAT", help="Repeatable."),
    click.option("--logo", metavar="FILE|URL", help="A PNG, JPEG, WebP or GIF; '' removes it."),
    click.option("--banner", metavar="FILE|URL", help="As --logo; above the title."),
    click.option("--background", metavar="FILE|URL", help="As --logo; behind the page."),
    click.option("--consent", help="What visitors must agree to."),
)


def _fields(command: Any) -> Any:
    for option in reversed(_FIELDS):
        command = option(command)
    return command


@click.group("page")
def page() -> None:
    """Public web pages with an organizer's events."""


@page.command("create")
@click.argument("title")
@click.option(
    "--kind", type=click.Choice(["schedule", "upcoming", "events"]), default="schedule", show_default=True
)
@click.option("--slug", help="Last part of its address; default: made from the title.")
@click.option("--organizer", metavar="ADDRESS", help="The organizer of the events; default: CIS_ORGANIZER.")
@_fields
def page_create(title: str, kind: str, slug: str | None, organizer: str | None, **given: Any) -> None:
    """Make a page with the heading TITLE; it is online at once."""
    from engine.commands.pages.pages import CreatePage

    settings = settings_in_force()
    run(
        _apply(
            settings, CreatePage, {"title": title, "kind": kind, "slug": slug, "organizer": organizer}, given
        )
    )


@page.command("update")
@click.argument("slug")
@click.option("--title")
@_fields
def page_update(slug: str, title: str | None, **given: Any) -> None:
    """Change the page SLUG; other options stay as they are."""
    from engine.commands.pages.pages import UpdatePage

    run(_apply(settings_in_force(), UpdatePage, {"slug": slug, "title": title}, given))


@page.command("unpublish")
@click.argument("slug")
def page_unpublish(slug: str) -> None:
    """Take the page SLUG off the web."""
    from engine.commands.pages.pages import UpdatePage

    run(_apply(settings_in_force(), UpdatePage, {"slug": slug, "published": False}, {}))


@page.command("publish")
@click.argument("slug")
def page_publish(slug: str) -> None:
    """Put the page SLUG back on the web."""
    from engine.commands.pages.pages import UpdatePage

    run(_apply(settings_in_force(), UpdatePage, {"slug": slug, "published": True}, {}))


@page.command("every-event")
@click.argument("state", type=click.Choice(["on", "off"]))
@click.option("--organizer", metavar="ADDRESS", help="Whose events; default: CIS_ORGANIZER.")
def page_every_event(state: str, organizer: str | None) -> None:
    """Publish every event, now and later, and a page of upcoming ones; or take them off the web."""
    run(_publish(settings_in_force(), on=state == "on", organizer=organizer))


@page.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def page_list(*, as_json: bool) -> None:
    """List the pages, newest first."""
    run(_list(settings_in_force(), as_json=as_json))


async def _apply(
    settings: Settings, command: type[PageFields], own: Mapping[str, Any], given: Mapping[str, Any]
) -> int:
    from pydantic import ValidationError

    from cis_mcp.run.runtime import opened
    from cis_mcp.views import pages as views
    from engine.commands.pages.pages import UpdatePage
    from engine.imports.pictures import FIELDS, with_pictures

    # an option that may be repeated and was not given is an empty tuple
    values = {**own, **{name: value for name, value in given.items() if value not in (None, ())}}
    pictures = {name: _picture(values.pop(name)) for name in FIELDS if name in values}
    try:
        wanted = command(**values)
    except ValidationError as error:
        raise click.UsageError("; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())) from None
    async with opened(settings) as engine:
        owner = own.get("organizer")
        if pictures and isinstance(wanted, UpdatePage):
            owner = (await engine.page(wanted.slug, engine.local)).organizer
        kept = await with_pictures(engine, engine.local, owner, pictures)
        done = await engine.apply(wanted.model_copy(update=kept), engine.local)
    online = views.url(settings, done.page) or f"each event has a page of its own ({done.page.slug})"
    click.echo(online if done.page.published else f"{done.page.slug} is off the web")
    return 0


async def _publish(settings: Settings, *, on: bool, organizer: str | None) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import pages as views
    from engine.commands.pages.publishing import PublishEvents

    async with opened(settings) as engine:
        done = await engine.apply(PublishEvents(on=on, organizer=organizer), engine.local)
    found = views.url(settings, done.page) if done.page else "nothing was published"
    click.echo(found if done.on or done.page is None else f"{done.page.slug} is off the web")
    return 0


def _picture(given: str) -> str | bytes:
    """The content of a file, up to just over the limit of a picture; a URL, or nothing, is returned as it is."""
    from engine.commands.pages.picture_files import BYTES_MAX

    if "://" in given or not given:
        return given
    try:
        with Path(given).open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise click.UsageError(f"{given} cannot be read: {error.strerror}") from None


async def _list(settings: Settings, *, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import pages as views
    from engine.model.queries import WHOLE_LIST

    async with opened(settings, existing=True) as engine:
        pages = await engine.pages(engine.local, WHOLE_LIST)
    for each in pages:
        address = views.url(settings, each)
        if as_json:
            shown = each.model_dump(mode="json", exclude={"key"})
            click.echo(json.dumps({**shown, "url": address}, ensure_ascii=False))
        else:
            click.echo(f"{address or each.slug}  {'' if each.published else '(off the web) '}{each.title}")
    return 0
