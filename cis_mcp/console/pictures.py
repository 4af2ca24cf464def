"""The pictures of pages: logo, banner and background, from a file or an address."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from cis_mcp.console.guard import Screen, Visit
from cis_mcp.views import pages as views
from engine.commands.pages.pages import UpdatePage
from engine.imports.pictures import FIELDS, with_pictures
from engine.mail.locale.language import noop
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_PATH = "/console/pages/{}/pictures"


class PictureLabels(NamedTuple):
    """What a picture and its buttons are called."""

    title: str
    shown: str
    use: str
    remove: str


WORDS = {
    "logo": PictureLabels(
        noop("Logo"), noop("The logo as it is"), noop("Use as logo"), noop("Take the logo away")
    ),
    "banner": PictureLabels(
        noop("Banner"), noop("The banner as it is"), noop("Use as banner"), noop("Take the banner away")
    ),
    "background": PictureLabels(
        noop("Background"),
        noop("The background as it is"),
        noop("Use as background"),
        noop("Take the background away"),
    ),
}


async def edit(visit: Visit) -> Response:
    """GET /console/pages/{slug}/pictures: what the page shows, and a form for each."""
    page = await visit.engine.page(visit.path("slug"), visit.actor)
    paths = views.picture_paths(page)
    return visit.show(
        "pictures.html",
        title=visit.say("Pictures of “{title}”", title=page.title),
        page=page,
        path=views.path(page),
        pictures=[(name, WORDS[name], paths.get(name, ""), name in page.shows) for name in FIELDS],
    )


async def change(visit: Visit) -> Response:
    """POST /console/pages/{slug}/pictures: put a picture onto the page, or take it away."""
    page = await visit.engine.page(visit.path("slug"), visit.actor)
    what = visit.given("what")
    if what not in FIELDS:
        raise Refused(Code.INVALID_ARGUMENT, "No picture is meant by that.", "Choose one of the three.")
    given: str | bytes = visit.given("address") if visit.upload is None else visit.upload
    if visit.given("do") == "remove":
        given = ""
    elif not given:
        raise Refused(Code.INVALID_ARGUMENT, "No picture is given.", "Choose a file, or give an address.")
    elif isinstance(given, str) and ":" not in given:
        raise Refused(Code.URL_NOT_ALLOWED, "That is not a web address.", "Give an https address.")
    fields = await with_pictures(visit.engine, visit.actor, page.organizer, {what: given})
    await visit.apply(UpdatePage(slug=page.slug, **fields))
    return visit.go(_PATH.format(page.slug), "pictured")


SCREENS = (
    Screen("GET", _PATH.format("{slug:str}"), edit),
    Screen("POST", _PATH.format("{slug:str}"), change, Verb.PUBLISH, uploads=True),
)
