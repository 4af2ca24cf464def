"""How our pages are served: templates, headers, compression and ETags."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cis_mcp.pages.speaking import PLAIN, Speech

_HERE = Path(__file__).parent
_ASSETS = ("page.css", "page.js", "pictures.css", "explorer.css", "explorer.js")
_SMALL, _SMALL_PRIVATE = 500, 4_000
"""Up to so many bytes are sent as they are; of what one person gets once, a second packet costs less than packing."""
_QUICK, _BEST = 3, 9
"""Levels of compression. The rows of a season take 1 ms and 30 kB, or 5 ms and 23 kB."""
YEAR = "public, max-age=31536000, immutable"
FRESH = "public, no-cache"
"""Kept by browsers and caches, and asked for anew each time: an edit shows with the next request."""
PRIVATE = "private, no-store"
_PADDING = re.compile(rb"(?m)^(?: *//.*\n| +)")
"""Comments on lines of their own, and indentation: our scripts have no text of several lines."""
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'{}; base-uri 'none'; frame-ancestors {}"
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@cache
def templates() -> Environment:
    """Our templates: everything in them is escaped, and a name that is missing is an error."""
    found = Environment(
        loader=PackageLoader("cis_mcp.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["paragraphs"] = paragraphs
    found.globals["css"] = asset("page.css").path
    found.globals["pictures_css"] = asset("pictures.css").path
    found.globals["js"] = asset("page.js").path
    return found


def paragraphs(text: str) -> list[str]:
    """Text in paragraphs, as empty lines part them."""
    return [piece.strip() for piece in text.replace("\r\n", "\n").split("\n\n") if piece.strip()]


def render(name: str, spoken: Speech = PLAIN, **values: Any) -> bytes:
    """A template filled in, in the language of the visitor."""
    return templates().get_template(name).render(**spoken.values(), **values).encode()


@dataclass(frozen=True)
class CompressedBody:
    """The bytes of an answer, compressed once; `tag` changes when they do. Where `packed` is empty, `raw` is not.

    `language`: its tag, where it is in words; `negotiated`: the browser's wish decided.
    """

    media: str
    tag: str
    raw: bytes
    packed: bytes
    modified: str = ""
    language: str = ""
    negotiated: bool = False

    @classmethod
    def of(
        cls,
        raw: bytes,
        media: str = "text/html; charset=utf-8",
        modified: str = "",
        *,
        spoken: Speech | None = None,
        once: bool = False,
        private: bool = False,
    ) -> CompressedBody:
        """A body that keeps what is large in its compressed form alone, as nearly all browsers take it.

        `modified`: a date for Last-Modified. `once`: it is made for one answer, so that compressing costs little.
        `private`: and no cache keeps it, so that it has no tag.
        """
        tag = "" if private else hashlib.sha256(raw).hexdigest()[:22]
        about = (modified, spoken.language.tag, spoken.negotiated) if spoken else (modified, "", False)
        if len(raw) <= (_SMALL_PRIVATE if private else _SMALL):
            return cls(media, tag, raw, b"", *about)
        packed = _packed_once(raw) if private else gzip.compress(raw, _QUICK if once else _BEST, mtime=0)
        return cls(media, tag, b"", packed, *about)

    @property
    def whole(self) -> bytes:
        """The uncompressed bytes."""
        return gzip.decompress(self.packed) if self.packed else self.raw


def _packed_once(raw: bytes) -> bytes:
    """`raw` as gzip of a window of 4 kB: the usual state of 256 kB is new memory each time, which takes longer
    than packing a page of some kB does."""
    packing = zlib.compressobj(1, zlib.DEFLATED, 16 + 12, 6)
    return packing.compress(raw) + packing.flush()


def answer(
    request: Request,
    body: CompressedBody,
    *,
    cache_control: str = FRESH,
    status: int = 200,
    framed: bool = False,
    form_action: str = "",
) -> Response:
    """`body`, or 304 where the client has it; `framed`: other sites may show it in a frame.

    `form_action`: an origin to which a form of the page may lead besides ours.
    """
    kept = status == 200 and cache_control != PRIVATE
    known = kept and _known(header(request, b"if-none-match"), body.tag)
    packed = bool(body.packed) and b"gzip" in header(request, b"accept-encoding")
    made = _made if kept else _made.__wrapped__
    return _Ready(made(body, cache_control, status, (framed, form_action), known=known, packed=packed))


def ready(body: CompressedBody, headers: Mapping[bytes, bytes], *, framed: bool) -> Response:
    """What `answer` answers with a page that all may keep; the same for all who ask so, and not to be changed."""
    known = _known(headers.get(b"if-none-match", b""), body.tag)
    packed = bool(body.packed) and b"gzip" in headers.get(b"accept-encoding", b"")
    return _made(body, FRESH, 200, (framed, ""), known=known, packed=packed)


class _Ready(Response):
    """An answer of which nothing is left to be made; its headers are its own, for whoever adds to them."""

    def __init__(self, made: Response) -> None:
        self.status_code, self.body, self.background = made.status_code, made.body, None
        self.raw_headers = [*made.raw_headers]


@lru_cache(maxsize=128)
def _made(
    body: CompressedBody,
    cache_control: str,
    status: int,
    ways: tuple[bool, str],
    *,
    known: bool,
    packed: bool,
) -> Response:
    """The answer, made once for all who ask for the same; `ways`: who may frame it, and where its form may lead."""
    framed, form_action = ways
    headers = {"Vary": "Accept-Encoding", "Cache-Control": cache_control}
    if body.negotiated:
        headers["Vary"] = "Accept-Encoding, Accept-Language"
    if status == 200 and cache_control != PRIVATE:
        headers["ETag"] = f'"{body.tag}"'
    if known:
        # what else is known of it the client has with the page (RFC 9110, 15.4.5)
        return Response(status_code=304, headers=headers)
    headers |= _HEADERS
    if body.language:
        headers["Content-Language"] = body.language
    if body.modified:
        headers["Last-Modified"] = body.modified
    if body.media.startswith("text/html"):
        headers["Content-Security-Policy"] = _CSP.format(
            f" {form_action}" if form_action else "", "*" if framed else "'none'"
        )
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(body.packed if packed else body.whole, status, headers, media_type=body.media)


def header(request: Request, name: bytes) -> bytes:
    """A header of the request by its name in lower case, as servers hand it on; empty if it is not there."""
    return next((value for one, value in request.scope["headers"] if one == name), b"")


def _known(given: bytes, tag: str) -> bool:
    # RFC 9110, 13.1.2: compared weakly, since proxies that compress make tags weak
    if not given:
        return False
    wanted = f'"{tag}"'.encode()
    return given in {b"*", wanted} or wanted in {
        each.strip().removeprefix(b"W/") for each in given.split(b",")
    }


class PageEndpoint:
    """A handler as an application of its own: Starlette puts less around it, and catches the same at its root."""

    def __init__(self, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)


@dataclass(frozen=True)
class Asset:
    """A file of ours under a name that changes with it."""

    path: str
    body: CompressedBody


@cache
def asset(name: str, folder: Path = _HERE / "assets", prefix: str = "/brand") -> Asset:
    """A stylesheet or script of ours, at an address below `prefix`."""
    raw = _PADDING.sub(b"", (folder / name).read_bytes())
    stem, _, ending = name.rpartition(".")
    media = {"css": "text/css", "js": "text/javascript"}[ending]
    body = CompressedBody.of(raw, f"{media}; charset=utf-8")
    return Asset(f"{prefix}/{stem}-{body.tag[:12]}.{ending}", body)


async def brand(request: Request) -> Response:
    """GET /brand/…: our assets by their hashed names, and a page's colour by its digits."""
    path = request.url.path
    for name in _ASSETS:
        if asset(name).path == path:
            return answer(request, asset(name).body, cache_control=YEAR)
    digits = request.path_params["name"].removesuffix(".css")
    if len(digits) == 6 and set(digits) <= set("0123456789abcdef") and path.endswith(".css"):
        body = CompressedBody.of(f":root{{--main:#{digits}}}\n".encode(), "text/css; charset=utf-8")
        return answer(request, body, cache_control=YEAR)
    return Response("Not found\n", 404, media_type="text/plain")
