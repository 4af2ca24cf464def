"""Apply an organizer's branding to a mail: first line, title, colour and last lines, in both text parts."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from engine.model.branding import Branding
from engine.model.messages import Kind

_COLOUR = "#1a56db"
_OPENING = re.compile(r'(<p style="margin:0 0 8px;color:#[0-9a-f]{6}">)(.*?)(</p>)', re.DOTALL)
_TOP = '<tr><td align="center" style="padding:24px 12px">\n'
_BOTTOM = "</td></tr>\n</table>\n</body>"
_HEAD = (
    '<p style="margin:0 0 12px;font-family:Arial,Helvetica,sans-serif;font-size:18px;font-weight:bold;'
    'color:{}">{}</p>\n'
)
_FOOT = (
    '<p style="margin:12px 0 0;font-family:Arial,Helvetica,sans-serif;font-size:12px;color:#5f6368">{}</p>\n'
)
_DARK = "#202124"
_LOGO_HEIGHT = 48
_IMAGE = Markup(
    '<img src="{}" alt="{}" width="{}" height="{}" style="vertical-align:middle;margin-right:12px;border:0">'
)


def branded(
    brand: Branding, kind: Kind, organizer: str, public_url: str, plain: str, html: str, language: str = ""
) -> tuple[str, str]:
    """Both texts of a calendar mail, which stand on their own without pictures."""
    opening = brand.opening(kind, organizer, language)
    if opening:
        _, _, rest = plain.partition("\n")
        plain = f"{opening}\n{rest}"
        html = _OPENING.sub(lambda found: f"{found[1]}{escape(opening)}{found[3]}", html, count=1)
    if head := _logo(brand, public_url) + escape(brand.title):
        html = html.replace(_TOP, _TOP + _HEAD.format(brand.colour or _DARK, head), 1)
    if brand.colour:
        for before, after in (('bgcolor="', '"'), ("background:", '"'), ('style="color:', '"')):
            html = html.replace(f"{before}{_COLOUR}{after}", f"{before}{brand.colour}{after}")
    if brand.footer:
        plain = f"{plain.rstrip()}\n\n{brand.footer}\n"
        lines = str(escape(brand.footer)).replace("\n", "<br>\n")
        body, _, end = html.rpartition(_BOTTOM)
        html = f"{body}{_FOOT.format(lines)}{_BOTTOM}{end}"
    return plain, html


def _logo(brand: Branding, public_url: str) -> Markup:
    """The logo, where mail programs can get it; without it they show the title, or nothing."""
    if brand.logo is None or not public_url.startswith("https://"):
        return Markup("")
    height = min(brand.logo.height, _LOGO_HEIGHT)
    width = max(1, round(brand.logo.width * height / brand.logo.height))
    address = f"{public_url.rstrip('/')}/brand/picture/{brand.logo.name}"
    return _IMAGE.format(address, "" if brand.title else "Logo", width, height)


def notice_text(brand: Branding, kind: Kind, text: str, language: str = "") -> str:
    """The text of a notice or a report, with the opening of its kind and the last lines."""
    opening = brand.opening(kind, "", language)
    if not (brand.footer or opening):
        return text
    return "\n\n".join(part for part in (opening, text.rstrip("\n"), brand.footer) if part) + "\n"


def link(brand: Branding, public_url: str) -> str:
    """Where mails link to: the domain of the branding, by the scheme and port of the server itself."""
    if not brand.domain:
        return public_url
    own = urlsplit(public_url)
    return f"https://{brand.domain}" if own.scheme == "https" else public_url
