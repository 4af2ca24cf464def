"""Text that calendars write as HTML, as plain text: its words, lines, lists and links."""

from __future__ import annotations

import re
from html import unescape

_MAX = 200_000
_BLOCKS = "p|div|ul|ol|table|tr|h[1-6]|blockquote|section|article|header|footer|pre|dl|dt|dd"
_KNOWN = (
    rf"(?:{_BLOCKS}|br|hr|li|a|b|i|u|s|em|strong|span|font|small|sub|sup|code|html|body|html-blob|img|td|th)"
)
_HTML = re.compile(rf"</{_KNOWN}\s{{0,9}}>|<(?:br|hr|p)\s{{0,9}}/?>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]{0,20})((?:[\s/][^<>]{0,4000})?)>|<!(?:--)?[^<>]{0,4000}>")
_HREF = re.compile(
    r"""\bhref\s{0,9}=\s{0,9}(?:"([^"]{0,2000})"|'([^']{0,2000})'|([^\s"'>]{1,2000}))""", re.IGNORECASE
)
_HUGE = re.compile(r"&#[xX]?[0-9A-Fa-f]{9,}")
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\xa0]+")
_BLANK = re.compile(r" ?\n ?")
_GAPS = re.compile(r"\n{3,}")
_UNSAID = frozenset({"script", "style", "head", "title"})
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"})
_BLOCK = re.compile(_BLOCKS)


def plain(text: str) -> str:
    """`text` without markup if it is HTML, else as it is; of a link, its words and where it leads."""
    if "<" not in text or not _HTML.search(text):
        return text
    reader = _Reader()
    for piece in _pieces(text[:_MAX]):
        reader.take(piece)
    words = _SPACES.sub(" ", reader.text())
    return _GAPS.sub("\n\n", _BLANK.sub("\n", words)).strip()


def _pieces(text: str) -> list[str | re.Match[str]]:
    """Words and tags in turn."""
    found: list[str | re.Match[str]] = []
    end = 0
    for match in _TAG.finditer(text):
        found += [text[end : match.start()], match]
        end = match.end()
    return [*found, text[end:]]


class _Reader:
    """Puts the words of a text together, and leaves out what browsers do not show."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._unsaid = ""
        self._link = ""
        self._link_from = 0

    def text(self) -> str:
        self._close_link()
        return "".join(self._words)

    def take(self, piece: str | re.Match[str]) -> None:
        if isinstance(piece, str):
            if piece and not self._unsaid:
                self._words.append(unescape(_HUGE.sub("", piece)))
        elif piece.group(2):
            self._tag(piece.group(2).lower(), piece.group(3), closing=bool(piece.group(1)))

    def _tag(self, name: str, attributes: str, *, closing: bool) -> None:
        if name in _UNSAID:
            self._unsaid = (
                "" if closing and name == self._unsaid else self._unsaid or ("" if closing else name)
            )
        elif name == "a":
            self._close_link()
            self._open_link("" if closing else attributes)
        elif name in {"br", "hr"}:
            self._words.append("\n")
        elif name == "li" and not closing:
            self._break()
            self._words.append("- ")
        elif name in {"td", "th"}:
            self._words.append(" ")
        elif _BLOCK.fullmatch(name):
            self._break(twice=name in _PARAGRAPHS)

    def _break(self, *, twice: bool = False) -> None:
        """Begin a new line, unless one has begun; a paragraph has a blank one before it."""
        if twice:
            self._words.append("\n\n")
        elif self._words and not self._words[-1].endswith("\n"):
            self._words.append("\n")

    def _open_link(self, attributes: str) -> None:
        match = _HREF.search(attributes)
        url = unescape(_HUGE.sub("", next(filter(None, match.groups()), ""))).strip() if match else ""
        self._link, self._link_from = (url if _LINK.match(url) else ""), len(self._words)

    def _close_link(self) -> None:
        """Where the link leads, unless its words say so."""
        if self._link:
            link_text = "".join(self._words[self._link_from :]).strip()
            bare = (
                self._link.partition(":")[2]
                if self._link.lower().startswith(("mailto:", "tel:"))
                else self._link
            )
            if bare.strip("/") not in link_text:
                self._words.append(f" ({bare})" if link_text else bare)
            self._link = ""
