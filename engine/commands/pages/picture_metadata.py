"""Take out of a picture what no page shows: what a camera wrote into it, texts, and all but its first frame.

PNG: W3C PNG, 5 and 11. JPEG: ITU-T T.81, B.1.1; Exif 2.32, 4.6. GIF: GIF89a, 15 to 27. WebP: RFC 9649, 2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from engine.commands.pages.picture_files import unreadable

_PIECES_MAX = 20_000
"""Pieces of one file: as many as a megabyte in blocks of 50 bytes has."""
_PNG_HEAD = 8
_PNG_KEPT = frozenset({b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs", b"cICP"})
"""Ancillary chunks that say how to show the pixels; animation is in others."""
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_NEXT = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""A marker with its fill bytes; to be matched at one place, since a search would try each byte of a long fill."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""The marker that ends a scan's data, in which zeros are stuffed and restarts stand."""
_ORIENTATION, _UPRIGHT = 0x0112, 1
_VP8X_KEPT = 0x30
"""Flags of a WebP: it has a colour profile, it has transparency."""


def without_metadata(content: bytes) -> bytes:
    """`content`, a PNG, JPEG, GIF or WebP, as a still picture without what is not shown.

    The way up of a JPEG stays. Raises Refused: UNREADABLE_PICTURE.
    """
    try:
        if content[:1] == b"\x89":
            return content[:_PNG_HEAD] + b"".join(_png(content))
        if content[:3] == b"GIF":
            return b"".join(_gif(content))
        return b"".join(_jpeg(content)) if content[:1] == b"\xff" else _webp(content)
    except (IndexError, struct.error):
        raise unreadable() from None


def _png(content: bytes) -> Iterator[bytes]:
    at, kind = _PNG_HEAD, b""
    for _ in range(_PIECES_MAX):
        (length,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if end > len(content):
            break
        if kind[:1].isupper() or kind in _PNG_KEPT:
            yield content[at:end]
        if kind == b"IEND":
            return
        at = end
    raise unreadable()


def _jpeg(content: bytes) -> Iterator[bytes]:
    yield b"\xff\xd8"
    way_up, at = _UPRIGHT, 2
    for _ in range(_PIECES_MAX):
        found = _NEXT.match(content, at)
        if found is None:
            raise unreadable()
        marker, start = content[found.end() - 1], found.end()
        if marker == _EOI:
            yield b"\xff\xd9"
            return
        end = start + struct.unpack_from(">H", content, start)[0]
        segment = content[start:end]
        if len(segment) < 2 or end > len(content):
            break
        if marker == _APP1 and way_up == _UPRIGHT:
            way_up = _way_up(segment[2:])
            yield _turned(way_up) if way_up != _UPRIGHT else b""
        if _shown(marker, segment[2:]):
            yield bytes((0xFF, marker)) + segment
        at = end
        if marker == _SOS:
            next_one = _AFTER_SCAN.search(content, end)
            if next_one is None:
                # cut off where it was made: browsers show what there is
                yield content[end:]
                return
            at = next_one.start()
            yield content[end:at]
    raise unreadable()


def _shown(marker: int, data: bytes) -> bool:
    """True for a segment that decoders need: of programs' own, JFIF's, Adobe's colours and the colour profile."""
    if marker == _APP2:
        return data.startswith(b"ICC_PROFILE\0")
    return marker in {_APP0, _APP14} or (marker != _COM and not _APP0 <= marker <= _APP15)


def _way_up(data: bytes) -> int:
    """The Orientation of an Exif segment, 1 to 8; 1 where it tells none."""
    tiff = data.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or tiff is data:
        return _UPRIGHT
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        entries = [
            struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * n) for n in range(min(count, 100))
        ]
    except struct.error:
        return _UPRIGHT
    found = next((value for tag, _, _, value in entries if tag == _ORIENTATION), _UPRIGHT)
    return found if _UPRIGHT < found <= 8 else _UPRIGHT


def _turned(way_up: int) -> bytes:
    """An Exif segment that tells the way up and nothing else."""
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, _ORIENTATION, 3, 1, way_up, 0, 0)
    data = b"Exif\0\0" + tiff
    return struct.pack(">BBH", 0xFF, _APP1, 2 + len(data)) + data


def _gif(content: bytes) -> Iterator[bytes]:
    """The head and the first frame, with the control that precedes it."""
    at = 13 + _colours(content[10])
    yield content[:at]
    for _ in range(_PIECES_MAX):
        if content[at] == 0x2C:
            end = _blocks_end(content, at + 11 + _colours(content[at + 9]))
            yield content[at:end] + b";"
            return
        if content[at] != 0x21:
            break
        end = _blocks_end(content, at + 2)
        if content[at + 1] == 0xF9:
            yield content[at:end]
        at = end
    raise unreadable()


def _colours(flags: int) -> int:
    """Bytes of the table of colours that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(content: bytes, at: int) -> int:
    for _ in range(_PIECES_MAX):
        length = content[at]
        at += 1 + length
        if not length:
            return at
    raise unreadable()


def _webp(content: bytes) -> bytes:
    chunks = dict(reversed([*_chunks(content, 12)]))
    head = chunks.get(b"VP8X")
    if frame := chunks.get(b"ANMF"):
        # the canvas becomes the frame's: width and height stand in both as 24 bits less one
        chunks = {**chunks, **dict(_chunks(frame, 16))}
        head = b"\0\0\0\0" + frame[6:12]
    kept: list[tuple[bytes, bytes]] = [
        (kind, chunks[kind]) for kind in (b"ICCP", b"ALPH", b"VP8 ", b"VP8L") if kind in chunks
    ]
    if not {b"VP8 ", b"VP8L"} & {kind for kind, _ in kept}:
        raise unreadable()
    if head is not None:
        flags = chunks.get(b"VP8X", b"\0")[0] & _VP8X_KEPT
        kept.insert(0, (b"VP8X", bytes((flags,)) + head[1:]))
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in kept
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _chunks(content: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_PIECES_MAX):
        if at + 8 > len(content):
            return
        kind, (length,) = content[at : at + 4], struct.unpack_from("<I", content, at + 4)
        yield kind, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise unreadable()
