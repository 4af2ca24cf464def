"""What all read alike is looked at once: the answer is that of reading each person's whole text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.commands.agents.bounds import personal_texts
from engine.commands.agents.personal_links import PersonalLinks
from engine.model.bounds import Bounds
from engine.model.keys import Key, Standing
from tests.store.stores import event
from tests.support.clock import START

PIECES = [
    "{{name}}",
    "{{company}}",
    " ",
    ", ",
    ".",
    "/",
    "//",
    ":",
    "evil",
    "com",
    "evil.com",
    "www.",
    "@",
    "-",
    "%2E",
]
VALUES = ["", "Ann", "evil", "com", "evil.com", "a b", "//", "x-y", "O'Neil", "ｅvil．com", "https:", "tel:1"]
STANDING = Standing(
    (
        Key(
            id="k1",
            name="",
            address="agent@cis.test",
            scopes=frozenset({"send"}),
            digest="",
            created=START,
            bounds=Bounds(links=("customer.com",)),
        ),
    ),
    {},
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from(VALUES), st.sampled_from(VALUES))
def test_a_person_reads_a_link_outside_exactly_where_their_whole_text_has_one(
    pieces: list[str], name: str, company: str
) -> None:
    text = "".join(pieces)
    found = event(summary="Launch of {{company}}, soon", description=text, location="Hall 4")
    values = {"name": name, "company": company}
    whole = any(STANDING.outside_links(one) for one in personal_texts(found, values))
    assert bool(PersonalLinks(STANDING, found).outside(values)) == whole


def test_a_placeholder_beside_what_may_be_a_link_is_read_anew_for_each_person() -> None:
    beside = PersonalLinks(STANDING, event(description="See {{name}}.com"))
    assert beside.outside({"name": "evil", "company": "Ltd"}) == "evil.com"
    apart = PersonalLinks(STANDING, event(description="Hello {{name}}, see customer.com"), ["a note"])
    assert (apart.outside({"name": "Ann"}), apart.outside({"name": "evil.com"})) == ("", "evil.com")
