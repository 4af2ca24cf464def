"""The verifier and the reader take the same from every mail, whatever was done to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import senders
from tests.support.soak import examples

_many = examples(200)
_ENDS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\n\r",
    b"\r\r\n",
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\x1d",
    b"\x1e",
    b"\x85",
    b"\0",
    b"",
)
_SPACES = (b"", b" ", b"\t", b"\r\n ", b"\r\n\t", b"\xa0", b"\0")
_NAMES = (
    b"From",
    b"from",
    b"Sender",
    b"To",
    b"Cc",
    b"Content-Type",
    b"Content-Transfer-Encoding",
    b"Subject",
    b"X-A",
    b"MIME-Version",
    b"Content-Disposition",
    b"DKIM-Signature",
    b"",
    b"Fr\xc3\xb6m",
    b"From x",
)
_VALUES = (
    b"mallory@victim.test",
    b"Boss <boss@victim.test>",
    b"mallory@victim.test <boss@victim.test>",
    b'"boss@victim.test" <mallory@victim.test>',
    b"(boss@victim.test) mallory@victim.test",
    b"a, b",
    b"x:boss@victim.test;",
    b"<@a:boss@victim.test>",
    b'"a\\" <boss@victim.test>',
    b"create@cis.test",
    b"=?utf-8?q?boss=40victim.test?= <mallory@victim.test>",
    b"multipart/mixed; boundary=x",
    b'multipart/mixed; boundary="x"; boundary=y',
    b"multipart/mixed; boundary*0=x; boundary*1=y",
    b"text/calendar",
    b"text/calendar; charset=utf-7",
    b"message/rfc822",
    b"base64",
    b"quoted-printable",
    b"7bit",
    b"attachment; filename=a.ics",
    b"v=1; a=rsa-sha256; d=victim.test; s=s1; h=from; bh=AA==; b=AA==",
    b"v=1; a=rsa-sha256; d=victim.test; d=x.test; s=s1; h=from; bh=AA==; b=AA==",
)
_FIELD = st.builds(
    lambda name, before, after, value, end: name + before + b":" + after + value + end,
    st.sampled_from(_NAMES),
    st.sampled_from(_SPACES),
    st.sampled_from(_SPACES),
    st.sampled_from(_VALUES),
    st.sampled_from(_ENDS),
)
_NOISE = st.one_of(_FIELD, st.sampled_from(_ENDS), st.sampled_from(_VALUES), st.binary(max_size=8))


@st.composite
def tampered(draw: st.DrawFn) -> bytes:
    """A signed mail with fields and noise put in, mostly into its head; or with pieces of it left out."""
    raw = draw(st.sampled_from(senders.originals()))
    for _ in range(draw(st.integers(1, 4))):
        head = raw.find(b"\r\n\r\n") + 4
        starts = [0, *(i + 2 for i in range(head) if raw[i : i + 2] == b"\r\n")]
        place = draw(st.one_of(st.sampled_from(starts), st.integers(0, head), st.integers(0, len(raw))))
        gone = draw(st.sampled_from([0, 0, 0, 1, 2, 20]))
        raw = raw[:place] + b"".join(draw(st.lists(_NOISE, max_size=3))) + raw[place + gone :]
    return raw


@_many
@given(tampered())
def test_a_signed_mail_that_was_tampered_with_is_the_signer_s_or_proves_nothing(raw: bytes) -> None:
    senders.replayed(raw)


@_many
@given(st.one_of(tampered(), st.lists(_NOISE, max_size=12).map(b"".join)))
def test_what_is_read_in_one_way_is_read_so_by_everybody(raw: bytes) -> None:
    senders.read_alike(raw)
    senders.read_alike(b"From: boss@victim.test\r\n" + raw)


_PIECES = st.sampled_from(
    [
        '"',
        "@",
        ".",
        "\\",
        "victim.test",
        "attacker.example",
        "a",
        "%{d}",
        "\u212a",
        "ß",
        "é",
        "[",
        "]",
        "<",
        ">",
        " ",
        "\t",
        "a" * 63,
        "x." * 60,
        ",",
        ":",
        "(",
        "postmaster",
        "\0",
        "_",
        "-",
    ]
)


@_many
@given(st.lists(_PIECES, max_size=8).map("".join), st.lists(_PIECES, max_size=4).map("".join))
def test_spf_is_of_the_domain_that_the_envelope_names(sender: str, helo: str) -> None:
    senders.envelope(sender, helo)


def test_the_originals_are_proven_and_are_commands() -> None:
    assert len(senders.originals()) >= 8
    for raw in senders.originals():
        assert senders.replayed(raw)
        assert senders.read_alike(raw)
