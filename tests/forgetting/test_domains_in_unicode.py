"""A person whose domain has letters beyond ASCII is found however the domain is written, and is forgotten."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.commands.triggers.deliveries import KeepDeliveries
from engine.engine import SYSTEM, Engine
from engine.inbox import forgetting
from engine.model.forgetting import names, without
from engine.triggers.arrivals import arrived
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in
from tests.support.inboxes import receiving
from tests.triggers.crm import as_posted, deal, events, handled, invited, trigger

KEPT = "ann.asher@xn--bcher-kva.example"
ANN = "ann.asher@bücher.example"
SPELLINGS = (
    ANN,
    KEPT.upper(),
    "Ann.Asher@BÜCHER.Example",
    "ann.asher@bu\N{COMBINING DIAERESIS}cher.example",
    "ann.asher@bücher\N{IDEOGRAPHIC FULL STOP}example",
)
OTHERS = (
    "joann.asher@bücher.example",
    "ann.asher@bücher.example.org",
    "ann.asher@buecher.example",
    "ann.asher@büchers.example",
    "üann.asher@bücher.example",
)


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path / "data", clock, sender_auth="off") as opened:
        yield opened


def _texts(spelling: str) -> list[str]:
    """How programs write it: in a sentence, in JSON with and without escapes, in JSON within JSON."""
    plain = f"Ask\n{spelling}. “{spelling}”, please"
    as_json = [json.dumps(plain), json.dumps(plain, ensure_ascii=False)]
    return [plain, *as_json, *map(json.dumps, as_json)]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_is_found_and_replaced_however_it_is_written(spelling: str) -> None:
    for text, expected in zip(_texts(spelling), _texts("x@y.example"), strict=True):
        assert names(text, KEPT)
        new = without(text, KEPT, "x@y.example")
        assert (new.count("x@y.example"), names(new, KEPT)) == (2, False)
        assert new == expected or text.startswith('"')


@pytest.mark.parametrize("other", OTHERS)
def test_an_address_that_merely_resembles_it_is_another_persons(other: str) -> None:
    for text in _texts(other):
        assert not names(text, KEPT)
        assert without(text, KEPT, "x@y.example") == text


async def _delivered(engine: Engine, address: str) -> None:
    hook = await trigger(engine)
    person = {"email": address, "name": "Annabel Asher", "phone": "+49 4711660815"}
    posted = as_posted(deal(people=[person]), "d1")
    found = arrived(posted, hook.proof)
    await do(engine, KeepDeliveries(trigger_id=hook.id, arrived=found, posted=posted), SYSTEM)
    await handled(engine)
    (event,) = await events(engine)
    assert await invited(engine, event) == [KEPT]
    await deliver(engine)


def _left(engine: Engine) -> list[str]:
    files = [path for path in engine.settings.data_dir.rglob("*") if path.is_file()]
    words = ("ann.asher", "annabel", "4711660815")
    return [
        f"{file.name}: {word}"
        for file in files
        for word in words
        if word in file.read_bytes().decode("latin-1").lower()
    ]


@pytest.mark.parametrize("spelling", SPELLINGS[:4])
async def test_what_a_hook_was_sent_about_the_person_goes_with_them(engine: Engine, spelling: str) -> None:
    await _delivered(engine, spelling)
    kept = await forgetting.kept_of(engine, ANN, engine.local)
    assert {"delivery", "posted"} <= kept.rows.keys()
    done = await forgetting.forget(engine, ANN, engine.local)
    assert done.erased
    assert _left(engine) == []
    assert (await forgetting.forget(engine, ANN, engine.local)).rows == 0


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "utf-16"])
async def test_a_raw_mail_that_names_them_in_a_list_of_any_charset_goes(engine: Engine, charset: str) -> None:
    listed = f"uid,email\nx,{ANN}\n"
    async with receiving(engine) as post:
        await post(mails.listed(listed.encode(charset)))
    done = await forgetting.forget(engine, ANN, engine.local)
    assert done.mails == 1


async def test_an_event_whose_text_names_them_is_told(engine: Engine) -> None:
    event = await created(engine, description=f"Ask\n{ANN}")
    assert (await forgetting.forget(engine, ANN, engine.local)).left == (f"event {event.uid}",)
