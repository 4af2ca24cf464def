"""Mail headers: decode encoded words, and find the one mailbox a mail is from (RFC 5322, 3.4; RFC 2047)."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from engine.mail.charsets import known
from engine.mail.incoming.parsing import MailPart
from engine.mail.text import one_line
from engine.refusals import Code, Refused

_MAX_VALUE = 10_000
_MAX_BARE = 400
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]]{1,255}")
_PLAIN = re.compile(r'[^"(<,;]++')
_TO_QUOTE = re.compile(r'(?:[^"\\]++|\\.?)*+', re.DOTALL)
_IN_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_ENCODED = re.compile(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE)
_WORDS = re.compile(rf'"(?:[^"\\]++|\\.)*+("?)|{_ENCODED.pattern}', re.IGNORECASE)
"""An encoded word, or a quoted one, whose group is empty if it never ends."""
_COMMENT = re.compile(r"\([^()]*\)")
_COMMENTS_DEEP_MAX = 3
_UNBROKEN = re.compile(r"[^\s<>,]++")
_LOOSE = re.compile(r"[()\"\\:;]")
_ESCAPED = re.compile(r"\\(.)")


def values(mail: Message, name: str) -> list[str]:
    """The headers called `name`, from the top, each on one line; unencoded UTF-8 is read as what it is."""
    found = _given(mail, name)
    if not found:
        return []
    texts = (value[:_MAX_VALUE].encode("utf-8", "surrogateescape") for value in found)
    return [one_line(text.decode("utf-8", "replace")) for text in texts]


def _given(mail: Message, name: str) -> list[str]:
    if isinstance(mail, MailPart):
        return mail.given(name.lower())
    return [str(value) for key, value in mail.raw_items() if key.lower() == name.lower()]


def whole(mail: Message, name: str) -> str:
    """The first header `name`, uncut; empty if it is longer than headers are."""
    found = values(mail, name)
    return found[0] if found and not _cut(mail, name) else ""


def _cut(mail: Message, name: str) -> bool:
    return any(len(value) > _MAX_VALUE for value in _given(mail, name))


def raw(mail: Message, name: str) -> str:
    """The first header `name` on one line, its words still encoded; empty if there is none."""
    found = values(mail, name)
    return found[0] if found else ""


def in_words(value: str) -> str:
    """A header value with its encoded words decoded; what cannot be decoded is shown with U+FFFD."""
    value = value[:_MAX_VALUE]  # words to be shown
    if "=?" not in value:
        return one_line(value)
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return one_line(value)
    return one_line("".join(_word(piece, charset) for piece, charset in pieces))


def _word(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    codec = known(charset) if charset else "ascii"
    try:
        return piece.decode(codec or "latin-1", "replace")
    except ValueError:
        return piece.decode("latin-1")


def _pieces(value: str) -> list[tuple[str, str]]:
    """`value` in its lexical parts: ("quoted" | "comment" | "angle" | "text" | ",", content)."""
    found: list[tuple[str, str]] = []
    index = 0
    while index < len(value):
        char = value[index]
        if char == '"':
            end = _closing_quote(value, index + 1)
            found.append(("quoted", _ESCAPED.sub(r"\1", value[index + 1 : end])))
        elif char == "(":
            end = _closing_parenthesis(value, index + 1)
            found.append(("comment", _ESCAPED.sub(r"\1", value[index + 1 : end])))
        elif char == "<":
            end = value.find(">", index)
            end = len(value) if end < 0 else end
            found.append(("angle", value[index + 1 : end].strip()))
        elif char in ",;":
            end = index
            found.append((",", ""))
        else:
            end = _end_of(_PLAIN, value, index) - 1
            found.append(("text", value[index : end + 1]))
        index = end + 1
    return found


def _end_of(pattern: re.Pattern[str], value: str, index: int) -> int:
    match = pattern.match(value, index)
    return match.end() if match else index


def _closing_quote(value: str, index: int) -> int:
    return _end_of(_TO_QUOTE, value, index)


def _closing_parenthesis(value: str, index: int) -> int:
    depth = 1
    for mark in _IN_COMMENT.finditer(value, index):
        depth += {"(": 1, ")": -1}.get(mark.group(), 0)
        if depth == 0:
            return mark.start()
    return len(value)


def mailboxes(value: str) -> list[tuple[str, str]]:
    """(name, address) of each mailbox in an address header; names decoded, addresses in lower case.

    A bare comma in a name, as some clients write, does not end the mailbox. A value over 10,000 characters has none.
    """
    found: list[tuple[str, str]] = []
    name = angle = comment = ""
    if len(value) > _MAX_VALUE:
        return found
    for kind, content in [*_pieces(value), (",", "")]:
        if kind == "angle":
            angle = "\n" if angle else content or "\n"  # two are none
        elif kind == "comment":
            comment = content
        elif kind != ",":
            name += content
        elif angle or _is_address(name):
            found.append((in_words((name if angle else comment).strip()), (angle or name.strip()).lower()))
            name = angle = comment = ""
        else:
            name += ", " if name and not name.isspace() else ""
    return [box for box in found if _ADDRESS.fullmatch(box[1])]


def _is_address(name: str) -> bool:
    return len(name) <= _MAX_BARE and _ADDRESS.fullmatch(name.strip()) is not None


def sender(mail: Message) -> tuple[str, str]:
    """(name, address) of the one mailbox in the one From header (RFC 5322, 3.6.2).

    Raises Refused(NO_SENDER) if there is none, or more than one.
    """
    found = values(mail, "From")
    boxes = mailboxes(found[0]) if len(found) == 1 and not _cut(mail, "From") else []
    if len({address for _, address in boxes}) != 1:
        raise Refused(
            Code.NO_SENDER,
            "The mail does not have one From header with one address.",
            "Send it again from an ordinary mail program.",
        )
    return boxes[0]


_SPACED = re.compile(r'"([a-z]{1,20}) ([a-z0-9]{20,64})"@', re.IGNORECASE)
"""A tagged address whose plus a program took for a space, as in a URL."""


def addresses(mail: Message, *names: str) -> tuple[str, ...]:
    """The addresses in the headers `names`, in order, each once; those that begin within 10,000 characters."""
    given = [_listed(value) for name in names for value in _given(mail, name)[:10]]
    if not given:
        return ()
    texts = (value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for value in given)
    return tuple(
        dict.fromkeys(
            address for text in texts for _, address in mailboxes(_SPACED.sub(r"\1+\2@", one_line(text)))
        )
    )


def _listed(value: str) -> str:
    """The list that `value` is; of one that is too long, its first items, none of them cut."""
    return value if len(value) <= _MAX_VALUE else value[:_MAX_VALUE].rpartition(",")[0]


def plainly(value: str, address: str) -> bool:
    """True if every program finds `address`, and no other, in a From header of that value.

    No other address stands outside of its quoted, encoded and commented words, which all end; and it is no group.
    """
    rest = _WORDS.sub(lambda word: _ENCODED.sub(" ", word[0]) if word[1] == "" else " ", value)
    for _ in range(_COMMENTS_DEEP_MAX):
        rest = _COMMENT.sub(" ", rest)
    found = [each for each in _UNBROKEN.findall(rest) if "@" in each]
    alike = all(each.lower() == address and each.isascii() == address.isascii() for each in found)
    return bool(found) and alike and not _LOOSE.search(rest) and rest.count("<") < 2
