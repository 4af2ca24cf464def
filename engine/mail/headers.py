"""Mail headers: decode their words, find the one mailbox a mail is from (RFC 5322, 3.4; RFC 2047)."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from engine.mail.charsets import known
from engine.refusals import Code, Refused

_MAX_VALUE = 10_000
_MAX_ADDRESSES = 100_000
"""Characters that the headers which name people may have in all."""
_MAX_BARE = 400
_MAX_RECIPIENTS = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]+")
# what turns the direction of the words around it (Unicode UAX 9, 3.1)
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"\r\n|[\r\u0085\u2028\u2029]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]]{1,255}")
_PLAIN = re.compile(r'[^"(<,;]++')
_TO_QUOTE = re.compile(r'(?:[^"\\]++|\\.?)*+', re.DOTALL)
_IN_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")


def one_line(text: str) -> str:
    """`text` on one line: control characters and runs of white space become one space each.

    What turns the direction of writing is left out, since it would turn the words that follow as well.
    """
    if not text.isprintable():
        text = _CONTROL.sub(" ", _TURNING.sub("", text))
    return " ".join(text.split())


def lines(text: str) -> str:
    """`text` with one kind of line break and no other control characters but tabs."""
    if not text.isprintable():
        text = _UNSEEN.sub("", _BREAKS.sub("\n", text))
    return text.strip()


def values(mail: Message, name: str) -> list[str]:
    """The headers called `name`, from the top, each on one line; unencoded UTF-8 is read as what it is.

    What is longer than any that is read stands there empty: what is left of a value that is cut may say
    something else.
    """
    return [_decoded(value) if len(value) <= _MAX_VALUE else "" for value in _given(mail, name)]


def _given(mail: Message, name: str) -> list[str]:
    return [str(value) for key, value in mail.raw_items() if key.lower() == name.lower()]


def _decoded(value: str) -> str:
    return one_line(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def raw(mail: Message, name: str) -> str:
    """The first header `name` on one line, its words still encoded; empty where there is none."""
    return next(iter(values(mail, name)), "")


def in_words(value: str) -> str:
    """A header value with its encoded words decoded; what cannot be decoded is shown with U+FFFD."""
    value = value[:_MAX_VALUE]  # words to be shown
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

    A bare comma in a name, as some clients write, does not end the mailbox.
    """
    found: list[tuple[str, str]] = []
    name = angle = comment = ""
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

    Raises Refused(NO_SENDER) where there is none, or more than one.
    """
    found = values(mail, "From")
    boxes = mailboxes(found[0]) if len(found) == 1 else []
    if len({address for _, address in boxes}) != 1:
        raise Refused(
            Code.NO_SENDER,
            "The mail does not say in one From header which one address it is from.",
            "Send it again from an ordinary mail program.",
        )
    return boxes[0]


def addresses(mail: Message, *names: str) -> tuple[str, ...]:
    """The addresses in the headers `names`, in order, each once.

    Raises Refused(TOO_LARGE) over 1,000 addresses or 100,000 characters.
    """
    given = [value for name in names for value in _given(mail, name)]
    if sum(map(len, given)) > _MAX_ADDRESSES or sum(value.count("@") for value in given) > _MAX_RECIPIENTS:
        raise Refused(
            Code.TOO_LARGE,
            f"The headers of the mail name more than {_MAX_RECIPIENTS:,} people.",
            "Write to fewer at once, or attach a list.",
        )
    return tuple(dict.fromkeys(address for value in given for _, address in mailboxes(_decoded(value))))
