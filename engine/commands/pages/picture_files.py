"""What kind of picture some bytes are, and how large: told by their content, before anybody decodes them.

PNG: W3C PNG, 5 and 11.2.1. JPEG: ITU-T T.81, B.2.2. GIF: GIF89a, 17 and 18. WebP: RFC 9649, 2.4 to 2.7.
"""

from __future__ import annotations

import hashlib
import struct

from engine.model.pictures import PagePicture
from engine.refusals import Code, Refused

BYTES_MAX = 1_000_000
SIDE_MAX = 4_096
PIXELS_MAX = 12_000_000
_SEGMENTS_MAX = 200
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's start of frame; the others of that range are tables."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG's markers without a length."""


def examined(content: bytes) -> PagePicture:
    """The picture that `content` is. Raises Refused: TOO_LARGE, UNREADABLE_PICTURE."""
    if len(content) > BYTES_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"The picture has more than {BYTES_MAX:,} bytes.",
            "Make it smaller: a page shows it some 1,500 pixels wide.",
        )
    try:
        ending, width, height = _measured(content)
    except (IndexError, struct.error):
        raise unreadable() from None
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX) or width * height > PIXELS_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"The picture has {width:,} × {height:,} pixels; at most {SIDE_MAX:,} a side and {PIXELS_MAX:,} in all.",
            "Make it smaller.",
        )
    digits = hashlib.sha256(content).hexdigest()[:32]
    return PagePicture(name=f"{digits}.{ending}", width=width, height=height)


def _measured(content: bytes) -> tuple[str, int, int]:
    """Kind, width and height. Raises Refused, IndexError, struct.error."""
    if content[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR":
        return "png", *struct.unpack_from(">II", content, 16)
    if content[:6] in {b"GIF87a", b"GIF89a"}:
        return "gif", *struct.unpack_from("<HH", content, 6)
    if content[:3] == b"\xff\xd8\xff":
        return "jpg", *_jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp", *_webp(content)
    raise unreadable()


def _jpeg(content: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_SEGMENTS_MAX):
        while content[at] == 0xFF and content[at + 1] == 0xFF:
            at += 1
        marker = content[at + 1]
        if content[at] != 0xFF or marker in {0x00, 0xD9, 0xDA}:
            break
        if marker in _SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 if marker in _ALONE else 2 + struct.unpack_from(">H", content, at + 2)[0]
    raise unreadable()


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        wide, high = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        if len(content) < 30:
            raise unreadable()
        return wide + 1, high + 1
    if kind == b"VP8L" and content[20] == 0x2F:
        bits = struct.unpack_from("<I", content, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise unreadable()


def unreadable() -> Refused:
    """The refusal of what is no picture (UNREADABLE_PICTURE)."""
    return Refused(
        Code.UNREADABLE_PICTURE,
        "That is not a picture that can be shown.",
        "Give a PNG, JPEG, WebP or GIF; SVG is not accepted, as it can contain scripts.",
    )
