"""What nobody sees of a picture is taken out of it: where and when it was taken, texts, further frames."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.pages.picture_files import examined
from engine.commands.pages.picture_metadata import without_metadata
from engine.commands.pages.pictures import KeepPicture
from engine.engine import Engine
from engine.refusals import Refused
from tests.pages.test_pictures import GIF, HEADS, JPEG, LOSSLESS, LOSSY, png
from tests.support.engines import do

SECRET = b"52.5163 N, 13.3777 E"
GLOBAL_COLOURS = GIF[:19]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def exif(order: str, way_up: int) -> bytes:
    """What a camera writes: the place, and how it was held."""
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, way_up, 0)
    tiff = mark + struct.pack(f"{order}HIH", 42, 8, 1) + entry + b"\0\0\0\0" + SECRET
    return segment(0xE1, b"Exif\0\0" + tiff)


def chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def png_with(*kinds: bytes) -> bytes:
    whole = png(3, 2)
    extra = b"".join(struct.pack(">I", len(SECRET)) + kind + SECRET + b"\0\0\0\0" for kind in kinds)
    return whole[:33] + extra + whole[33:] + SECRET


SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\x00\x34\xff\xd0\x56"
TABLE = segment(0xDB, b"\0" * 65)
HEAD = JPEG[:2] + segment(0xE0, b"JFIF\0\1\1")
SIZE = segment(0xC0, b"\x08\x00\x02\x00\x03\x01\x01\x11\x00")
PHOTO = HEAD + TABLE + SIZE + SCAN + b"\xff\xd9"
FRAME = struct.pack("<3sI", b"\0\0\0", 0)[:3] + b"\0\0\0" + b"\4\0\0" + b"\3\0\0" + b"\0\0\0\0"
VP8 = LOSSY[12:]
CANVAS = b"\x3e\0\0\0\x1f\x03\0\x57\x02\0"
COMMENT = b"\x21\xfe" + bytes([len(SECRET)]) + SECRET + b"\0"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (png_with(b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"), png(3, 2)),
        (png_with(b"acTL", b"fcTL", b"fdAT"), png(3, 2)),
        (
            HEAD + segment(0xFE, SECRET) + segment(0xED, SECRET) + exif("<", 1) + PHOTO[len(HEAD) :] + SECRET,
            PHOTO,
        ),
        (
            HEAD + TABLE + SIZE + SCAN + segment(0xE1, SECRET) + SCAN + b"\xff\xd9" + PHOTO,
            PHOTO[:-2] + SCAN + b"\xff\xd9",
        ),
        (GIF[:-1] + COMMENT + GIF[19:], GIF),
        (GLOBAL_COLOURS + COMMENT + GIF[19:], GIF),
        (webp(VP8, chunk(b"EXIF", SECRET), chunk(b"XMP ", SECRET)), LOSSY),
        (LOSSLESS, LOSSLESS),
    ],
)
def test_what_is_not_shown_is_taken_out_and_the_picture_stays(given_: bytes, expected: bytes) -> None:
    assert without_metadata(given_) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photograph_keeps_its_way_up_and_nothing_else_of_its_camera(order: str) -> None:
    clean = without_metadata(HEAD + exif(order, 6) + PHOTO[len(HEAD) :])
    assert SECRET not in clean
    assert clean == HEAD + _way_up(6) + PHOTO[len(HEAD) :]
    assert without_metadata(clean) == clean


def _way_up(value: int) -> bytes:
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
    return segment(0xE1, b"Exif\0\0" + tiff)


def test_of_an_animated_picture_the_first_frame_stays() -> None:
    moving = webp(
        chunk(b"VP8X", CANVAS),
        chunk(b"ANIM", b"\0" * 6),
        chunk(b"ANMF", FRAME + VP8),
        chunk(b"ANMF", FRAME + chunk(b"VP8L", b"other")),
        chunk(b"EXIF", SECRET),
    )
    assert without_metadata(moving) == webp(chunk(b"VP8X", b"\x30\0\0\0\4\0\0\3\0\0"), VP8)
    assert examined(without_metadata(moving)).width == 5
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    assert without_metadata(GLOBAL_COLOURS + loop + GIF[19:-1] + GIF[19:]) == GIF


async def test_a_picture_that_is_kept_tells_nobody_where_it_was_taken(engine: Engine) -> None:
    for content in (png_with(b"eXIf"), HEAD + exif(">", 1) + PHOTO[len(HEAD) :]):
        kept = (await do(engine, KeepPicture(content=content))).picture
        served = await engine.picture(kept.name)
        assert served
        assert SECRET not in served


@given(st.sampled_from([*HEADS, PHOTO, GIF, png_with(b"tEXt")]), st.binary(max_size=60), st.integers(0, 200))
def test_whatever_the_bytes_are_they_come_out_clean_or_are_refused(
    head: bytes, rest: bytes, cut: int
) -> None:
    try:
        examined(head[:cut] + rest)
        clean = without_metadata(head[:cut] + rest)
    except Refused:
        return
    assert without_metadata(clean) == clean


def test_a_scan_of_a_megabyte_of_fill_bytes_is_gone_over_once() -> None:
    """Else this test does not end within hours."""
    fill = PHOTO.removesuffix(b"\xff\xd9") + b"\xff" * 900_000
    assert len(without_metadata(fill + b"\0\xff\xd9")) > 900_000
    assert without_metadata(fill + b"\xd9").endswith(b"\xff\xd9")
