"""POST /order: what a shop's signed orders do, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.commands.events.timing import Timing
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.operators.organizers import SettleOrganizer
from engine.engine import Engine
from engine.inbox import redactions
from engine.jobs import endings
from engine.model.actors import Actor
from engine.model.messages import Kind, Message
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, drafted, engine_in, invite, meeting, refusal
from tests.support.inboxes import receiving
from tests.support.waiting import DEADLINE_S
from tests.support.webs import served
from tests.tools.caller import agent, calling
from tests.triggers.vectors import SECRET, b64, openssl

PLANS = "free=2/3,pro=0/10/365"
OLGA = "olga@club.example"
BUYER = "buyer@people.example"


def line(**values: Any) -> dict[str, Any]:
    return {"id": 501, "product_id": 8811, "name": "Pro plan", "properties": [], **values}


def order(*lines: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    customer = {"id": 9, "first_name": "Bea"}
    known = {"id": 4711, "email": BUYER, "financial_status": "paid", "test": False, "customer": customer}
    return {**known, "line_items": list(lines) or [line()], **values}


def for_olga(**values: Any) -> dict[str, Any]:
    properties = [{"name": "colour", "value": "red"}, {"name": "Email", "value": f" {OLGA.title()} "}]
    return line(properties=properties, **values)


class Shop:
    """Posts as Shopify does."""

    def __init__(self, engine: Engine, address: str) -> None:
        self.engine, self.address = engine, address

    async def __call__(
        self, payload: Any, headers: dict[str, str] | None = None, status: int = 200
    ) -> httpx.Response:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = {"X-Shopify-Hmac-SHA256": b64(openssl(body))} if headers is None else headers
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            answer = await web.post(f"{self.address}/order", content=body, headers=signed)
        assert answer.status_code == status, answer.text
        return answer

    async def mails(self) -> list[Message]:
        return await deliver(self.engine)

    async def notices(self) -> list[tuple[str, str]]:
        return [(m.email, m.notice.subject) for m in await self.mails() if m.notice]


@asynccontextmanager
async def shop_in(folder: Path, clock: Clock, **values: object) -> AsyncIterator[Shop]:
    known = {"plans": PLANS, "products": "8811=pro", "order_secrets": SECRET, "registration": "closed"}
    async with engine_in(folder, clock, **{**known, **values}) as engine, served(engine) as address:
        yield Shop(engine, address)


@pytest.fixture
async def shop(tmp_path: Path, clock: Clock) -> AsyncIterator[Shop]:
    async with shop_in(tmp_path, clock) as opened:
        yield opened


async def test_an_order_enrols_the_organizer_that_the_buyer_names_and_confirms_it_by_mail(shop: Shop) -> None:
    assert (await shop(order(for_olga()))).text == "Acknowledged"
    (mail,) = await shop.mails()
    assert (mail.email, mail.notice and mail.notice.subject) == (OLGA, "Subscription Confirmation")
    assert mail.notice
    assert "plan “pro” until Tuesday" in mail.notice.text
    settled = await shop.engine.organizer_settled(OLGA, shop.engine.local)
    assert settled
    assert settled.enrolment
    assert (settled.enrolment.plan, settled.profile.registered) == ("pro", True)
    assert settled.enrolment.until == shop.engine.clock() + timedelta(days=365)


async def test_without_an_organizer_named_the_buyer_is_the_organizer(shop: Shop) -> None:
    await shop(order())
    assert await shop.notices() == [(BUYER, "Subscription Confirmation")]


async def test_an_order_that_comes_again_does_nothing_twice_and_a_second_order_prolongs(
    shop: Shop, clock: Clock
) -> None:
    await asyncio.gather(*(shop(order(for_olga())) for _ in range(5)))
    assert len(await shop.mails()) == 1
    clock.move(days=100)
    await shop(order(for_olga(), id=4712))
    settled = await shop.engine.organizer_settled(OLGA, shop.engine.local)
    assert settled
    assert settled.enrolment
    assert settled.enrolment.until == clock() + timedelta(days=365 - 100 + 365)


async def test_who_is_enrolled_may_organize_by_mail_though_registration_is_closed(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        shop_in(tmp_path, clock, relays="127.0.0.1", sender_auth="off") as shop,
        receiving(shop.engine) as post,
    ):
        before = await post(mails.request(mails.vevent("u1", organizer=OLGA), sender=OLGA))
        await shop(order(for_olga()))
        after = await post(mails.request(mails.vevent("u2", organizer=OLGA), sender=OLGA))
    assert (before.code, after.action) == (Code.ORGANIZER_NOT_ALLOWED, "created")


async def test_a_product_may_stand_for_an_event_to_which_its_buyer_is_invited_once(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as engine:
        event = await created(engine)
        gone = await created(engine)
    products = f"8811=pro,1=event:{event.id},2=event:{gone.uid}"
    async with shop_in(tmp_path, clock, products=products) as shop:
        ticket = line(id=1, product_id=1, name="Ticket")
        await shop(order(ticket))
        await shop(order(ticket, id=4712))
        (mail,) = await shop.mails()
        assert (mail.email, mail.event_uid) == (BUYER, event.uid)
        bought = await shop.engine.purchases(shop.engine.local)
        assert [one.event_uid for one in bought] == [event.uid, event.uid]
        await do(shop.engine, SuspendOrganizer(address=gone.organizer))
        await shop(order(line(id=2, product_id=2), id=4713))
        assert await shop.mails() == []
        codes = [one.code for one in await shop.engine.purchases(shop.engine.local)]
        assert codes == ["", "", Code.ORGANIZER_SUSPENDED]


@pytest.mark.parametrize(
    "values",
    [
        {"test": True},
        {"financial_status": "pending"},
        {"test": True, "financial_status": "refunded"},
        {"line_items": [line(product_id=99)]},
    ],
)
async def test_orders_that_are_tests_unpaid_or_of_other_things_do_nothing(
    shop: Shop, values: dict[str, Any]
) -> None:
    await shop(order(for_olga(), **values))
    assert await shop.mails() == []
    assert await shop.engine.purchases(shop.engine.local) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"not json",
        b"[" * 500 + b"]" * 500,
        b'{"line_items": [{"product_id": 8811, "name": "x"}], "email": NaN}',
        [],
        {"id": 1},
        order(line(product_id=None)),
        order(line(name="")),
        order(email=""),
        order(email="two@x.example, one@x.example"),
        order(id=None),
        order(id="9" * 61),
        order(line_items=7),
    ],
)
async def test_what_is_no_order_is_answered_404_and_changes_nothing(shop: Shop, payload: Any) -> None:
    await shop(payload, status=404)
    assert await shop.mails() == []
    assert await shop.engine.purchases(shop.engine.local) == []


async def test_an_order_without_the_shops_signature_is_answered_401_and_changes_nothing(shop: Shop) -> None:
    body = json.dumps(order(for_olga())).encode()
    for headers in (
        {},
        {"X-Shopify-Hmac-SHA256": "AA=="},
        {"X-Shopify-Hmac-SHA256": b64(openssl(body + b" "))},
    ):
        await shop(body, headers, status=401)
    await shop(b"x" * 300_000, status=413)
    await shop(order(*(line(id=n, product_id=8811) for n in range(60))), status=413)
    assert await shop.mails() == []


async def test_two_secrets_hold_at_once_and_without_any_there_is_no_path(
    tmp_path: Path, clock: Clock
) -> None:
    async with shop_in(tmp_path, clock, order_secrets=f"the-next-one, {SECRET}") as shop:
        await shop(order(for_olga()))
    async with shop_in(tmp_path, clock, order_secrets="") as shop:
        await shop(order(for_olga()), status=404)


async def test_an_address_that_the_buyer_mistyped_or_that_is_ours_is_kept_with_its_reason(shop: Shop) -> None:
    for n, wrong in enumerate(
        ("olga at club", "create@cis.test", "a@x.example,b@x.example", "\ud800@x.example")
    ):
        await shop(order(line(properties=[{"name": "email", "value": wrong}]), id=n + 1))
    assert await shop.mails() == []
    codes = {one.code for one in await shop.engine.purchases(shop.engine.local)}
    assert codes == {Code.INVALID_ADDRESS}


def refund(*lines: Mapping[str, Any], order_id: int = 4711, quantity: int = 1) -> dict[str, Any]:
    """As the topic refunds/create."""
    items = [{"line_item_id": one["id"], "line_item": dict(one), "quantity": quantity} for one in lines]
    return {"id": 99, "order_id": order_id, "refund_line_items": items}


GIVEN_BACK = {
    "refunds/create": refund(for_olga()),
    "orders/updated": order(for_olga(), financial_status="refunded"),
    "orders/cancelled": order(for_olga(), cancelled_at="2027-03-02T09:00:00Z"),
    "in part": order(for_olga(), financial_status="partially_refunded", refunds=[refund(for_olga())]),
}


@pytest.mark.parametrize("topic", GIVEN_BACK)
async def test_an_order_that_is_given_back_or_cancelled_ends_its_plan_and_says_so_once(
    shop: Shop, topic: str
) -> None:
    await shop(order(for_olga()))
    await shop.mails()
    for _ in range(2):
        await shop(GIVEN_BACK[topic])
        await endings.step(shop.engine, set())
    assert await shop.notices() == [(OLGA, "Your plan “pro” has ended")]
    (bought,) = await shop.engine.purchases(shop.engine.local)
    assert (bought.plan, bought.code) == ("pro", Code.ORDER_RETURNED)
    await shop(order(for_olga()))
    assert await shop.notices() == [], "the order itself, coming once more, puts nobody on the plan again"


@pytest.mark.parametrize("topic", GIVEN_BACK)
async def test_an_order_that_was_given_back_before_it_comes_does_nothing(shop: Shop, topic: str) -> None:
    await shop(GIVEN_BACK[topic])
    await shop(order(for_olga()))
    assert await shop.mails() == []
    assert await shop.engine.organizer_settled(OLGA, shop.engine.local) is None


async def test_of_two_orders_of_a_plan_the_one_that_is_given_back_takes_its_own_time_along(
    shop: Shop, clock: Clock
) -> None:
    for n in (4711, 4712):
        await shop(order(for_olga(), id=n))
    begun = clock()
    clock.move(days=10)
    await shop(refund(for_olga(), order_id=4712))
    settled = await shop.engine.organizer_settled(OLGA, shop.engine.local)
    assert settled
    assert settled.enrolment
    assert settled.enrolment.until == begun + timedelta(days=365)


async def test_a_plan_without_an_end_ends_with_the_last_of_its_orders(tmp_path: Path, clock: Clock) -> None:
    async with shop_in(tmp_path, clock, plans="pro=0/10") as shop:
        for n in (4711, 4712):
            await shop(order(for_olga(), id=n))
        await shop.mails()
        for n, ended in ((4711, []), (4712, [(OLGA, "Your plan “pro” has ended")])):
            await shop(refund(for_olga(), order_id=n))
            await endings.step(shop.engine, set())
            assert await shop.notices() == ended


async def test_what_the_operator_set_meanwhile_and_part_of_the_pieces_end_nothing(shop: Shop) -> None:
    await shop(order(for_olga(quantity=3)))
    await shop(refund(for_olga(quantity=3), quantity=2))
    await shop({"id": 99, "order_id": 4711, "refund_line_items": [], "transactions": [{"amount": "5.00"}]})
    await do(shop.engine, SettleOrganizer(address=OLGA, plan="free"))
    await shop(refund(for_olga(quantity=3), quantity=3))
    settled = await shop.engine.organizer_settled(OLGA, shop.engine.local)
    assert settled
    assert settled.enrolment
    assert (settled.enrolment.plan, settled.enrolment.until) == ("free", None)


async def _plan(shop: Shop) -> tuple[str, datetime | None, bool]:
    """Olga's plan, its end, and whether it is in force."""
    settled = await shop.engine.organizer_settled(OLGA, shop.engine.local)
    assert settled
    assert settled.enrolment
    found = settled.enrolment
    return found.plan, found.until, found.in_force(shop.engine.clock())


@pytest.mark.parametrize("between", ["the plan ended", "another plan was bought", "the operator set it"])
async def test_an_order_that_bought_an_earlier_time_of_the_plan_ends_nothing_when_it_is_given_back(
    tmp_path: Path, clock: Clock, between: str
) -> None:
    products = "8811=pro,8812=max"
    async with shop_in(tmp_path, clock, plans=f"{PLANS},max=0/0/365", products=products) as shop:
        await shop(order(for_olga()))
        if between == "the plan ended":
            clock.move(days=370)
        elif between == "another plan was bought":
            await shop(order(for_olga(product_id=8812), id=1))
        until = clock() + timedelta(days=90)
        if between == "the operator set it":
            await do(shop.engine, SettleOrganizer(address=OLGA, plan="pro", plan_until=until))
        else:
            await shop(order(for_olga(), id=2))
        before = await _plan(shop)
        assert before[2]
        await shop(refund(for_olga()))
        assert await _plan(shop) == before


async def test_what_the_operator_gave_without_an_end_goes_on_when_an_order_of_it_is_given_back(
    tmp_path: Path, clock: Clock
) -> None:
    async with shop_in(tmp_path, clock, plans="pro=0/10") as shop:
        await do(shop.engine, SettleOrganizer(address=OLGA, plan="pro"))
        await shop(order(for_olga()))
        await shop(refund(for_olga()))
        assert await _plan(shop) == ("pro", None, True)


async def test_the_first_of_many_orders_of_a_plan_can_still_be_given_back(shop: Shop, clock: Clock) -> None:
    for n in range(30):
        await shop(order(for_olga(), id=n))
    await shop(refund(for_olga(), order_id=0))
    assert await _plan(shop) == ("pro", clock() + timedelta(days=29 * 365), True)


async def test_a_line_of_a_suspended_organizers_event_holds_up_no_other_line_that_is_given_back(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as engine:
        event = await created(engine, Actor(kind="organizer", address="host@club.example"))
    products = f"8811=pro,1=event:{event.id}"
    async with shop_in(tmp_path, clock, products=products) as shop:
        ticket = line(id=1, product_id=1)
        await shop(order(ticket, for_olga()))
        await shop.mails()
        await do(shop.engine, SuspendOrganizer(address="host@club.example"))
        assert (await shop(refund(ticket, for_olga()))).status_code == 200
        assert not (await _plan(shop))[2]
        assert (await attendee(shop.engine, event, BUYER)).withdrawn
        assert BUYER not in {mail.email for mail in await shop.mails()}


async def test_a_buyer_whom_the_organizer_invited_again_stays_when_a_later_order_is_given_back(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as engine:
        event = await created(engine)
    async with shop_in(tmp_path, clock, products=f"1=event:{event.id}") as shop:
        ticket = line(id=1, product_id=1)
        await shop(order(ticket))
        await shop(refund(ticket))
        await invite(shop.engine, event, BUYER)
        await shop(order(ticket, id=4712))
        await shop(refund(ticket, order_id=4712))
        assert not (await attendee(shop.engine, event, BUYER)).withdrawn


async def test_a_buyer_is_taken_out_of_the_event_with_the_last_of_the_orders_that_invited_them(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as engine:
        event = await created(engine)
        other = await created(engine)
        await invite(engine, other, BUYER)
        await deliver(engine)
    async with shop_in(tmp_path, clock, products=f"1=event:{event.id},2=event:{other.id}") as shop:
        ticket, second = line(id=1, product_id=1), line(id=2, product_id=2)
        for n in (4711, 4712):
            await shop(order(ticket, second, id=n))
        await shop.mails()
        await shop(refund(ticket, second))
        assert await shop.mails() == []
        await shop(refund(ticket, second, order_id=4712))
        (gone,) = await shop.mails()
        assert (gone.kind, gone.email, gone.event_uid) == (Kind.WITHDRAWAL, BUYER, event.uid)


async def test_a_buyer_who_gave_it_back_buys_anew_and_gives_that_back_too_is_taken_out_again(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as engine:
        event = await created(engine)
    async with shop_in(tmp_path, clock, products=f"1=event:{event.id}") as shop:
        ticket = line(id=1, product_id=1)
        kinds = []
        for n in (4711, 4712):
            await shop(order(ticket, id=n))
            kinds += [mail.kind for mail in await shop.mails()]
            clock.move(hours=1)
            await shop(refund(ticket, order_id=n))
            kinds += [mail.kind for mail in await shop.mails()]
        assert kinds == [Kind.INVITE, Kind.WITHDRAWAL] * 2


async def test_more_events_than_a_bought_plan_allows_are_refused_by_their_limit(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        shop_in(tmp_path, clock, plans="pro=1/10/365", relays="127.0.0.1", sender_auth="off") as shop,
        receiving(shop.engine) as post,
    ):
        olga = Actor(kind="organizer", address=OLGA)
        await shop(order(for_olga()))
        event = await created(shop.engine, olga)
        assert await refusal(shop.engine, meeting(), olga) is Code.EVENT_LIMIT_REACHED
        taken = await post(mails.request(mails.vevent("u2", organizer=OLGA), sender=OLGA))
        assert taken.code == Code.EVENT_LIMIT_REACHED
        async with calling(shop.engine, actor=agent(OLGA)) as caller:
            given = {"summary": "One more", "start": "2027-05-02T19:00:00Z", "duration": "PT1H"}
            assert await caller.code("create_event", **given) == Code.EVENT_LIMIT_REACHED
        await invite(shop.engine, event, "guest@example.com")


async def test_a_customer_who_asks_for_their_data_is_told_of_to_the_operator_once(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {
        "shop_id": 1,
        "shop_domain": "club.example",
        "orders_requested": [4711],
        "customer": {"id": 9, "email": BUYER.upper()},
        "data_request": {"id": 9999},
    }
    async with shop_in(tmp_path, clock, owner="boss@example.org") as shop:
        await shop(order())
        await shop.mails()
        for _ in range(2):
            await shop(asked)
        (told,) = await shop.mails()
        assert told.email == "boss@example.org"
        assert told.notice
        assert BUYER in told.notice.text
        await shop({**asked, "customer": {}}, status=404)
        await shop({**asked, "data_request": {}}, status=404)
        await shop(asked, {}, status=401)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    listed = await asyncio.to_thread(CliRunner().invoke, cli, ["organizer", "orders"])
    command = f"cis-mcp export {BUYER}"
    assert f"asks for their data: {command}" in listed.output
    exported = await asyncio.to_thread(CliRunner().invoke, cli, command.split()[1:])
    assert exported.exit_code == 0
    assert BUYER in exported.output


def _on_disk(folder: Path, words: bytes) -> bool:
    """Whether the store's files hold these words: the database, and what is not moved into it yet."""
    return any(words in file.read_bytes() for file in folder.glob("cis.sqlite3*"))


async def test_a_shop_that_is_gone_has_all_who_bought_there_forgotten(shop: Shop, tmp_path: Path) -> None:
    await shop(order())
    await shop(order(email="other@people.example", customer={}, id=4712))
    await shop.mails()
    assert _on_disk(tmp_path, b"people.example")
    gone = {"shop_id": 1, "shop_domain": "club.example"}
    await shop(gone, {}, status=401)
    for _ in range(2):
        await shop(gone)
    await redactions.step(shop.engine)
    assert await redactions.step(shop.engine) == 2
    assert await shop.engine.redactions(shop.engine.local) == []
    kept = await shop.engine.purchases(shop.engine.local)
    assert [one.buyer.partition("@")[2] for one in kept] == ["forgotten.invalid"] * 2
    assert not _on_disk(tmp_path, b"people.example")
    await shop({"shop_id": 1}, status=404)


async def test_the_free_plan_limits_who_is_on_no_other_and_the_bought_one_lifts_it(shop: Shop) -> None:
    engine, olga = shop.engine, Actor(kind="organizer", address=OLGA)
    for _ in range(2):
        event = await created(engine, olga)
    assert await refusal(engine, meeting(), olga) is Code.FREE_TRIAL_ENDED
    await shop(order(for_olga()))
    await created(engine, olga)
    await created(engine)  # the operator's own are not limited
    assert event.organizer == OLGA


async def test_without_plans_which_is_how_a_server_starts_no_organizer_is_limited(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as engine:
        olga = Actor(kind="organizer", address=OLGA)
        made = [await created(engine, olga) for _ in range(6)]
        assert len({event.uid for event in made}) == 6
        people = [f"p{n}@example.com" for n in range(5)]
        assert (await drafted(engine, made[0], people)).campaign.valid == 5


async def test_a_list_has_as_many_rows_as_the_plan_of_its_organizer_allows(shop: Shop, clock: Clock) -> None:
    engine = shop.engine
    later = Timing(start="2029-05-02T19:00", duration="PT2H", timezone="America/New_York")
    event = await created(engine, Actor(kind="organizer", address=OLGA), when=later)
    people = [f"p{n}@example.com" for n in range(5)]

    async def valid() -> int:
        return (await drafted(engine, event, people)).campaign.valid

    assert await valid() == 3
    await shop(order(for_olga()))
    assert await valid() == 5
    clock.move(days=366)
    assert await valid() == 3


async def test_a_mail_beyond_the_free_plan_is_answered_that_the_trial_has_ended(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        shop_in(tmp_path, clock, organizers="*", sender_auth="off", plans="free=1/3", products="") as shop,
        receiving(shop.engine) as post,
    ):
        await post(mails.request(mails.vevent("u1", organizer=OLGA), sender=OLGA))
        taken = await post(mails.request(mails.vevent("u2", organizer=OLGA), sender=OLGA))
        subjects = [subject for _, subject in await shop.notices()]
        moved = mails.vevent("u1", organizer=OLGA, sequence=1, summary="Moved")
        again = await post(mails.request(moved, sender=OLGA))
    assert taken.code == Code.FREE_TRIAL_ENDED
    assert subjects[-1] == "Your free trial has ended"
    assert again.action == "updated"


async def test_a_plan_that_ends_is_mailed_once_and_suspends_nothing(shop: Shop, clock: Clock) -> None:
    engine, olga = shop.engine, Actor(kind="organizer", address=OLGA)
    await shop(order(for_olga()))
    for _ in range(3):
        event = await created(engine, olga)
    await shop.mails()
    await do(engine, SettleOrganizer(address=OLGA, plan="pro", plan_until=clock() + timedelta(days=1)))
    clock.move(days=1)
    await asyncio.gather(endings.step(engine, set()), endings.step(engine, set()))
    assert await shop.notices() == [(OLGA, "Your plan “pro” has ended")]
    clock.move(days=1)
    await endings.step(engine, set())
    assert await shop.notices() == []
    await invite(engine, event, "guest@example.com")
    assert [mail.email for mail in await shop.mails()] == ["guest@example.com"]
    assert await refusal(engine, meeting(), olga) is Code.FREE_TRIAL_ENDED


async def test_a_shop_that_asks_for_a_person_to_be_forgotten_has_them_forgotten(
    shop: Shop, tmp_path: Path
) -> None:
    await shop(order())
    await shop.mails()
    assert _on_disk(tmp_path, b"buyer@")
    redact = {"shop_id": 1, "customer": {"id": 9, "email": BUYER.upper()}, "orders_to_redact": [4711]}
    await shop(redact)
    await shop(redact)
    assert [one.address for one in await shop.engine.redactions(shop.engine.local)] == [BUYER]
    assert await redactions.step(shop.engine) == 1
    assert await shop.engine.redactions(shop.engine.local) == []
    assert await shop.engine.organizer_settled(BUYER, shop.engine.local) is None
    (kept,) = await shop.engine.purchases(shop.engine.local)
    assert kept.buyer.endswith("@forgotten.invalid")
    assert not _on_disk(tmp_path, b"buyer@")
    await shop({"customer": {}, "orders_to_redact": []}, status=404)


async def test_an_organizer_of_events_is_not_forgotten_by_a_shop_but_shown_to_the_operator(
    shop: Shop,
) -> None:
    await created(shop.engine, Actor(kind="organizer", address=OLGA))
    await shop({"customer": {"email": OLGA}, "orders_to_redact": [1]})
    assert await redactions.step(shop.engine) == 0
    (one,) = await shop.engine.redactions(shop.engine.local)
    assert one.code == Code.INVALID_ARGUMENT


async def test_many_who_cannot_be_forgotten_hold_up_nobody_who_can(shop: Shop) -> None:
    for n in range(21):
        organizer = f"olga{n}@club.example"
        await created(shop.engine, Actor(kind="organizer", address=organizer))
        await shop({"customer": {"email": organizer}, "orders_to_redact": [1]})
    while (await shop.engine.redactions(shop.engine.local))[-1].code == "":
        await redactions.step(shop.engine)
    await shop(order())
    await shop.mails()
    await shop({"customer": {"email": BUYER}, "orders_to_redact": [4711]})
    assert await redactions.step(shop.engine) == 1


async def test_who_cannot_be_forgotten_because_of_a_defect_holds_up_nobody_and_is_tried_again(
    shop: Shop, tmp_path: Path, clock: Clock
) -> None:
    def on_disk(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as connection:
            connection.execute(sql)

    buyers = [f"buyer{n}@people.example" for n in range(22)]
    for n, buyer in enumerate(buyers):
        await shop(order(email=buyer, id=n))
    await shop.mails()
    on_disk(
        "CREATE TRIGGER broken BEFORE UPDATE ON purchase WHEN OLD.body NOT LIKE '%buyer21@%' "
        "BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    for buyer in buyers:
        clock.move(seconds=1)
        await shop({"customer": {"email": buyer}, "orders_to_redact": [1]})
    assert [await redactions.step(shop.engine) for _ in range(2)] == [0, 1]
    left = await shop.engine.redactions(shop.engine.local)
    assert {(one.address, one.code) for one in left} == {(one, Code.INTERNAL) for one in buyers[:21]}
    on_disk("DROP TRIGGER broken")
    assert [await redactions.step(shop.engine) for _ in range(2)] == [20, 1]


async def test_what_was_ordered_is_in_the_record_and_listed_at_the_command_line(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop_in(tmp_path, clock) as shop:
        await shop(order(for_olga()))
        rows = await shop.engine.record(shop.engine.local, 10, None)
        assert ("TakeOrder", "hook") in [
            (row["command"], row["face"]) for row in map(json.loads, (one.body for one in rows))
        ]
        await shop.mails()
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CIS_PLANS", PLANS)
    listed = await asyncio.to_thread(CliRunner().invoke, cli, ["organizer", "orders"])
    assert f"order 4711  {BUYER}  plan pro for {OLGA}" in listed.output
    shown = await asyncio.to_thread(CliRunner().invoke, cli, ["organizer", "set", OLGA, "--plan", ""])
    assert "plan" not in shown.output
    wrong = await asyncio.to_thread(CliRunner().invoke, cli, ["organizer", "set", OLGA, "--plan", "gold"])
    assert wrong.exit_code == 2
    shown = await asyncio.to_thread(
        CliRunner().invoke, cli, ["organizer", "set", OLGA, "--plan", "pro", "--plan-until", "2027-12-31"]
    )
    assert "plan pro until 2027-12-31 00:00 UTC" in shown.output


@pytest.mark.parametrize(
    "values",
    [
        {"plans": "free"},
        {"plans": "no-plan=1/2"},
        {"plans": "free=1"},
        {"plans": "Free Plan=1/2"},
        {"plans": "free=1/2/30"},
        {"plans": "pro=-1/2"},
        {"plans": "pro=1/2/3/4"},
        {"products": "8811=gold"},
        {"products": "8811"},
        {"products": "8811=event:../x"},
        {"order_secrets": "a,b,c"},
    ],
)
async def test_a_plan_or_product_that_cannot_be_understood_is_refused_at_the_start(
    tmp_path: Path, clock: Clock, values: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"must be|no days|names no|at most"):
        async with engine_in(tmp_path, clock, **values):
            pass


async def test_a_plan_is_set_and_taken_away_by_the_tool(shop: Shop) -> None:
    async with calling(shop.engine, tier="operator") as caller:
        data = await caller.ok("set_organizer", address=OLGA, plan="pro", plan_until="2027-12-31T00:00:00Z")
        assert (data["plan"], data["plan_until"]) == ("pro", "2027-12-31T00:00:00Z")
        assert await caller.code("set_organizer", address=OLGA, plan="gold") == Code.INVALID_ARGUMENT
        assert (
            await caller.code("set_organizer", address=OLGA, plan_until="2027-12-31") == Code.INVALID_ARGUMENT
        )
        data = await caller.ok("set_organizer", address=OLGA, plan="no-plan")
        assert (data["plan"], data["plan_until"]) == ("", None)
