"""One revision's mail, composed once and filled in for each attendee: the same bytes as `compose`, but faster."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, groupby
from operator import itemgetter

from markupsafe import escape

from engine.mail.outgoing import compose, mime
from engine.mail.outgoing.compose import Encoded, Personalisation, RevisionMail

# NUL can stand in no text that has been cleaned, so what is between two of them is ours.
_SLOT = re.compile("\0([a-z]+)\0")
_SLOT_BYTES = re.compile(rb"\0([A-Za-z-]+)\0")
_APART, _APART_ENCODED = "\0\n", b"=00\r\n"
"""A line between two blocks that are encoded together, and what becomes of it."""
_OPTIONAL = ("location", "description")
_MARKUP = re.compile("[&<>\"'\n]")
_HTML = "html "
"""Stands before the name of a value that is marked up."""

Pick = Callable[[Mapping[str, str]], object]
"""Takes some values: a tuple of them, or the only one."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A mail in pieces: those at even places are the same for all, between them go an attendee's own.

    Of these the header fields `fields` come first, then the blocks of whole lines, then the calendar, twice. `blocks`
    are the lines of all blocks with `%s` for each value that `marked` takes, those of HTML marked up, or `values`,
    which are enough where no value has anything to mark up. `whole`: what is the same for all is in whole lines, as
    `CrlfLines` are.
    """

    pieces: tuple[bytes, ...]
    fields: tuple[str, ...]
    blocks: str
    values: Pick
    marked: Pick
    whole: bool

    def fill(self, fields: Mapping[str, str], values: Mapping[str, str], calendar: bytes) -> bytes:
        """The mail with an attendee's own header fields, text and calendar."""
        head = "\0".join([fields[name] for name in self.fields]).encode("ascii")
        own, words = head.split(b"\0"), b""
        if self.blocks:
            words = mime.quoted_printable_alike(self.blocks % self._words(values))
            own += words.split(_APART_ENCODED)
        pieces = list(self.pieces)
        pieces[1::2] = [*own, calendar, calendar]  # ValueError, were there more pieces than places
        mail = b"".join(pieces)
        # The calendar is in lines of base64, and each line of quoted-printable ends in CRLF.
        whole = self.whole and mime.whole_lines(head) and not mime.dotted(words)
        return mime.CrlfLines(mail) if whole else mail

    def _words(self, values: Mapping[str, str]) -> object:
        """What goes into the blocks."""
        if not _MARKUP.search("\0".join(values.values())):
            return self.values(values)
        return self.marked({**values, **{_HTML + name: _marked_up(text) for name, text in values.items()}})


@dataclass(frozen=True, slots=True)
class PreparedMail:
    """A mail for many attendees: bytes that are the same for all, and where their own goes in between.

    `shapes`: one for each choice of personal texts that have nothing to say.
    """

    revision: RevisionMail
    personal: frozenset[str]
    optional: tuple[str, ...]
    shapes: Mapping[frozenset[str], _Shape]

    def fill(self, person: Personalisation, texts: Mapping[str, str]) -> bytes:
        """The mail for one attendee, `texts` being the personal ones in the attendee's own words.

        Equal to `compose.invitation` of a part with these words. Raises Refused(INVALID_ADDRESS).
        """
        fields = compose.own_fields(person)
        if one_click := fields["List-Unsubscribe-Post"]:
            fields["List-Unsubscribe"] += f"\r\nList-Unsubscribe-Post: {one_click}"
        if "summary" in self.personal:
            fields["Subject"] = compose.subject(self.revision, texts["summary"])
        values = compose.shown(texts, person.receipt_address, self.revision.language)
        blank = frozenset([name for name in self.optional if not values[name]])
        return self.shapes[blank].fill(fields, values, mime.base64_lines(person.calendar))


def prepare(revision: RevisionMail, personal: Collection[str] = ()) -> PreparedMail:
    """The mail of `revision`, composed with the libraries; `personal` names the texts of `revision.part` that
    are different for each attendee."""
    texts = {name: getattr(revision.part, name) for name in compose.TEXTS}
    optional = tuple(name for name in _OPTIONAL if name in personal)
    shapes = [frozenset(some) for n in range(len(optional) + 1) for some in combinations(optional, n)]
    skeleton = _skeleton(revision, texts["summary"], personal)
    return PreparedMail(
        revision=revision,
        personal=frozenset(personal),
        optional=optional,
        shapes={blank: _shape(skeleton, _bodies(revision, texts, personal, blank)) for blank in shapes},
    )


def _marked_up(text: str) -> str:
    return str(escape(text)).replace("\n", "<br>\n") if _MARKUP.search(text) else text


def _slot(name: str) -> str:
    return f"\0{name}\0"


def _skeleton(revision: RevisionMail, summary: str, personal: Collection[str]) -> tuple[bytes | str, ...]:
    """The mail around its bodies: bytes, and the names of what goes between them."""
    own = {name: _slot(name) for name in ("To", "Date", "Message-ID", "List-Unsubscribe")}
    own["List-Unsubscribe-Post"] = ""  # goes with List-Unsubscribe
    subject = _slot("Subject") if "summary" in personal else compose.subject(revision, summary)
    bodies = Encoded(*(_slot(name).encode() for name in ("plain", "html", "calendar")))
    pieces = _SLOT_BYTES.split(compose.assembled(revision, own, subject, bodies))
    return tuple(piece.decode() if index % 2 else piece for index, piece in enumerate(pieces))


def _bodies(
    revision: RevisionMail, texts: Mapping[str, str], personal: Collection[str], blank: frozenset[str]
) -> dict[str, str]:
    """The plain and the HTML body where the texts `blank` have nothing to say, with slots."""
    slots = {name: "" if name in blank else _slot(name) for name in (*personal, "to")}
    if "summary" in personal:
        slots["title"] = _slot("title")
    values = {**compose.shown(texts, revision.sender.address, revision.language), **slots}
    plain, html = compose.rendered(revision, values)
    return {"plain": plain, "html": html}


def _shape(skeleton: tuple[bytes | str, ...], bodies: Mapping[str, str]) -> _Shape:
    """The mail in pieces, its bodies too."""
    pieces, fields, blocks, names = [b""], list[str](), list[str](), list[str]()
    for piece in skeleton:
        if isinstance(piece, bytes):
            pieces[-1] += piece
        elif piece not in bodies:
            fields += [] if piece == "calendar" else [piece]
            pieces += [b"", b""]
        else:
            for block, own in _blocks(bodies[piece]):
                if not own:
                    pieces[-1] += mime.quoted_printable(block)
                    continue
                text, its_names = _pattern(block, _HTML if piece == "html" else "")
                blocks.append(text)
                names += its_names
                pieces += [b"", b""]
    whole = all(map(mime.whole_lines, pieces)) and pieces[-1].endswith(b"\r\n")
    plain = itemgetter(*[name.removeprefix(_HTML) for name in names] or [""])
    marked = itemgetter(*names or [""])
    return _Shape(tuple(pieces), tuple(fields), _APART.join(blocks), plain, marked, whole)


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in blocks of whole lines, and whether they hold slots."""
    lines = [f"{line}\n" for line in text.removesuffix("\n").split("\n")]
    for own, block in groupby(lines, key=lambda line: "\0" in line):
        yield "".join(block), own


def _pattern(block: str, kind: str) -> tuple[str, list[str]]:
    """A block with `%s` in place of its slots, and the names of the values that go there."""
    pieces = _SLOT.split(block.replace("%", "%%"))
    return "%s".join(pieces[::2]), [kind + name for name in pieces[1::2]]
