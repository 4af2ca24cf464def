"""One revision's mail, composed once and filled in for each attendee: the bytes of `compose`, only sooner."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, groupby

from markupsafe import escape

from engine.mail.outgoing import compose, mime
from engine.mail.outgoing.compose import Encoded, Personalisation, Revision

# NUL can stand in no text that has been cleaned, so what is between two of them is ours.
_SLOT = re.compile("\0([a-z]+)\0")
_SLOT_BYTES = re.compile(rb"\0([A-Za-z-]+)\0")
_OPTIONAL = ("location", "description")

# Bytes that are the same for all, or text and the names of slots in turn.
Body = tuple[bytes | tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PreparedMail:
    """A mail for many attendees: bytes that are the same for all, and where their own goes in between."""

    revision: Revision
    texts: Mapping[str, str]
    personal: frozenset[str]
    skeleton: tuple[bytes | str, ...]
    bodies: Mapping[frozenset[str], tuple[Body, Body]]

    def fill(self, person: Personalisation, texts: Mapping[str, str]) -> bytes:
        """The mail for one attendee, `texts` being the personal ones in the attendee's own words.

        Equal to `compose.invitation` of a part with these words. Raises Refused(INVALID_ADDRESS).
        """
        own = {name: value.encode("ascii") for name, value in compose.own_fields(person).items()}
        plain, html = self._bodies(person, texts)
        if "summary" in self.personal:
            own["Subject"] = compose.subject(self.revision, texts["summary"]).encode("ascii")
        if one_click := own["List-Unsubscribe-Post"]:
            own["List-Unsubscribe"] += b"\r\nList-Unsubscribe-Post: " + one_click
        own |= {"plain": plain, "html": html, "calendar": mime.base64_lines(person.calendar)}
        return b"".join([own[piece] if isinstance(piece, str) else piece for piece in self.skeleton])

    def _bodies(self, person: Personalisation, texts: Mapping[str, str]) -> tuple[bytes, bytes]:
        if not self.personal:
            plain, html = self.bodies[frozenset()]
            values = {"to": compose.answer_to(person.receipt_address)}
            return _filled(plain, values), _filled(html, values)
        values = compose.shown({**self.texts, **texts}, person.receipt_address, self.revision.language)
        plain, html = self.bodies[frozenset(n for n in _OPTIONAL if n in self.personal and not values[n])]
        marked_up = {name: str(escape(text)).replace("\n", "<br>\n") for name, text in values.items()}
        return _filled(plain, values), _filled(html, marked_up)


def prepare(revision: Revision, personal: Collection[str] = ()) -> PreparedMail:
    """The mail of `revision`, composed with the libraries; `personal` names the texts of `revision.part` that
    are different for each attendee."""
    texts = {name: getattr(revision.part, name) for name in compose.TEXTS}
    optional = [name for name in _OPTIONAL if name in personal]
    shapes = [frozenset(some) for n in range(len(optional) + 1) for some in combinations(optional, n)]
    return PreparedMail(
        revision=revision,
        texts=texts,
        personal=frozenset(personal),
        skeleton=_skeleton(revision, texts["summary"], personal),
        bodies={blank: _prepared_bodies(revision, texts, personal, blank) for blank in shapes},
    )


def _slot(name: str) -> str:
    return f"\0{name}\0"


def _skeleton(revision: Revision, summary: str, personal: Collection[str]) -> tuple[bytes | str, ...]:
    """The mail around its bodies: bytes, and the names of what goes between them."""
    own = {name: _slot(name) for name in ("To", "Date", "Message-ID", "List-Unsubscribe")}
    own["List-Unsubscribe-Post"] = ""  # goes with List-Unsubscribe
    subject = _slot("Subject") if "summary" in personal else compose.subject(revision, summary)
    bodies = Encoded(*(_slot(name).encode() for name in ("plain", "html", "calendar")))
    pieces = _SLOT_BYTES.split(compose.assembled(revision, own, subject, bodies))
    return tuple(piece.decode() if index % 2 else piece for index, piece in enumerate(pieces))


def _prepared_bodies(
    revision: Revision, texts: Mapping[str, str], personal: Collection[str], blank: frozenset[str]
) -> tuple[Body, Body]:
    """The plain and the HTML body where the texts `blank` have nothing to say."""
    slots = {name: "" if name in blank else _slot(name) for name in (*personal, "to")}
    if "summary" in personal:
        slots["title"] = _slot("title")
    values = {**compose.shown(texts, revision.sender.address, revision.language), **slots}
    plain, html = compose.rendered(revision, values)
    return tuple(_pieces(plain)), tuple(_pieces(html))


def _pieces(text: str) -> Iterator[bytes | tuple[str, ...]]:
    """`text` in blocks of whole lines: encoded where they are the same for all, else split at their slots."""
    lines = [f"{line}\n" for line in text.removesuffix("\n").split("\n")]
    for own, block in groupby(lines, key=lambda line: "\0" in line):
        joined = "".join(block)
        yield tuple(_SLOT.split(joined)) if own else mime.quoted_printable(joined)


def _filled(body: Body, values: Mapping[str, str]) -> bytes:
    return b"".join([piece if isinstance(piece, bytes) else _block(piece, values) for piece in body])


def _block(pieces: tuple[str, ...], values: Mapping[str, str]) -> bytes:
    words = [values[piece] if index % 2 else piece for index, piece in enumerate(pieces)]
    return mime.quoted_printable("".join(words))
