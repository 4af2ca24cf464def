"""The recipes of docs/triggers.md do what they say, with payloads in the form of each sender's documentation."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from cis_mcp.cli.main import cli
from engine.engine import Engine
from engine.model.messages import Kind
from engine.model.rules import Deed
from engine.model.triggers import Sender
from engine.rules.admission import admit
from engine.rules.mapping import Mapped, mapped
from engine.rules.reading import rules_of
from tests.support.clock import Clock
from tests.support.engines import deliver, engine_in
from tests.support.waiting import DEADLINE_S
from tests.support.webs import served
from tests.triggers.crm import deliveries, events, handled, keep, trigger
from tests.triggers.vectors import SECRET, openssl

DOCS = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### (\w+).*?```yaml\n(.*?)```", DOCS, re.MULTILINE | re.DOTALL))


def invoice(kind: str, **values: Any) -> dict[str, Any]:
    thing = {
        "id": "in_1",
        "number": "A-7",
        "status": "open",
        "due_date": 1_804_086_000,
        "customer_email": "ann@example.com",
        "customer_name": "Ann",
        "hosted_invoice_url": "https://invoice.stripe.com/i/1",
        **values,
    }
    return {"id": "evt_1", "type": kind, "created": 1_800_000_000, "data": {"object": thing}}


def hubspot(stage: str) -> dict[str, Any]:
    return {
        "hs_object_id": 123,
        "dealname": "Acme",
        "dealstage": stage,
        "demo_date": "1804086000000",
        "contact_email": "ann@example.com",
        "hs_lastmodifieddate": 1_800_000_000_000,
    }


def one_body(stage: str) -> dict[str, Any]:
    return {
        "id": "a1",
        "updated_at": "2027-01-01T00:00:00Z",
        "stage": stage,
        "title": "Visit",
        "start": "2027-03-02T15:00:00",
        "timezone": "Europe/Paris",
        "duration_minutes": 45,
        "people": [{"email": "ann@example.com", "name": "Ann"}],
    }


def order(status: str, **values: Any) -> dict[str, Any]:
    line = {"title": "Concert", "properties": [{"name": "event_start", "value": "2027-03-02T15:00:00+01:00"}]}
    return {
        "id": 1,
        "email": "ann@example.com",
        "updated_at": "2027-01-01T00:00:00+01:00",
        "financial_status": status,
        "test": False,
        "customer": {"first_name": "Ann"},
        "line_items": [line],
        **values,
    }


def interview(status: str) -> dict[str, Any]:
    event = {
        "startTime": "2027-03-02T15:00:00Z",
        "endTime": "2027-03-02T16:00:00Z",
        "meetingLink": None,
        "interviewers": [{"email": "ann@example.com"}],
    }
    schedule = {"id": "s1", "status": status, "updatedAt": "2027-01-01T00:00:00Z", "interviewEvents": [event]}
    return {"action": "interviewScheduleUpdate", "data": {"interviewSchedule": schedule}}


def bill(*, paid: bool) -> dict[str, Any]:
    known = {
        "number": 5,
        "revision": 2,
        "customer": "Acme",
        "due_day": "2027-03-02",
        "timezone": "Europe/Paris",
    }
    return {**known, "paid": paid, "contacts": ["ann@example.com"]}


def candidate(stage: str) -> dict[str, Any]:
    person = {
        "id": 3,
        "can_email": True,
        "email_addresses": [{"value": "ann@example.com", "type": "personal"}],
    }
    application = {
        "id": 9,
        "last_activity_at": "2027-01-01T00:00:00.000Z",
        "current_stage": {"id": 1, "name": stage, "interviews": []},
        "custom_fields": {"interview_start": {"name": "Start", "value": "2027-03-02T15:00:00+01:00"}},
        "candidate": person,
    }
    return {"action": "candidate_stage_change", "payload": {"application": application}}


def pipedrive(status: str) -> dict[str, Any]:
    fields = {"TIME_KEY": {"value": "2027-03-02T15:00:00+01:00"}, "EMAIL_KEY": {"value": "ann@example.com"}}
    data = {
        "id": 1,
        "title": "Acme",
        "stage_id": 3,
        "status": status,
        "person_id": 1,
        "update_time": "2027-01-01T00:00:00Z",
        "custom_fields": fields,
    }
    meta = {
        "action": "change",
        "entity": "deal",
        "entity_id": "1",
        "id": "m1",
        "attempt": 1,
        "version": "2.0",
    }
    return {"meta": meta, "data": data, "previous": {"stage_id": 1}}


def app(stage: str) -> dict[str, Any]:
    """What HubSpot posts of a deal, with what was looked up."""
    properties = {"dealname": "Acme", "dealstage": stage, "demo_date": "2027-03-02T15:00:00Z"}
    lookup = {
        "deal": {"id": "5", "updatedAt": "2027-01-01T00:00:00Z", "properties": properties},
        "contact": {"properties": {"email": "ann@example.com"}},
    }
    return {"objectId": 5, "propertyName": "dealstage", "propertyValue": stage, "lookup": lookup}


def erp(state: str) -> dict[str, Any]:
    start = "2027-03-02T15:00:00+01:00"
    return {
        "order": 7,
        "revision": 2,
        "state": state,
        "title": "Chairs",
        "delivery": start,
        "email": "ann@example.com",
    }


BODIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Stripe": (invoice("invoice.finalized"), invoice("invoice.paid", status="paid")),
    "HubSpot": (hubspot("demo_scheduled"), hubspot("closedlost")),
    "Salesforce": (one_body("scheduled"), one_body("cancelled")),
    "Shopify": (order("paid"), order("refunded")),
    "Ashby": (interview("Scheduled"), interview("Cancelled")),
    "Greenhouse": (candidate("Interview"), candidate("Rejected")),
    "Pipedrive": (pipedrive("open"), pipedrive("lost")),
    "Thin": (app("demo_scheduled"), app("closedlost")),
    "ERP": (erp("made"), erp("closed")),
    "A": (bill(paid=False), bill(paid=True)),
}


def _later(body: dict[str, Any], *path: str) -> dict[str, Any]:
    """The body at a newer version, which stands at `path`."""
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = "2027-01-02T00:00:00Z"
    return body


def asked(recipe: str, body: Any) -> Mapped | None:
    return mapped(rules_of(RECIPES[recipe]), body)


@pytest.mark.parametrize("recipe", sorted(BODIES))
def test_a_recipe_invites_and_cancels_the_same_object(recipe: str) -> None:
    assert set(RECIPES) == set(BODIES)
    made, ended = (asked(recipe, body) for body in BODIES[recipe])
    assert made is not None
    assert ended is not None
    assert (made.do, ended.do) == (Deed.INVITE, Deed.CANCEL)
    assert made.object == ended.object
    assert made.version is not None
    assert [person.email for person in made.people or ()] == ["ann@example.com"]
    assert made.values["start"].startswith("2027-03-0")
    admit(rules_of(RECIPES[recipe]), BODIES[recipe][0])


STORIES: dict[str, list[dict[str, Any]]] = {
    "Stripe": [
        invoice("invoice.finalized"),
        {**invoice("invoice.updated", due_date=1_804_690_800), "created": 1_800_000_001},
        {**invoice("invoice.voided", status="void"), "created": 1_800_000_002},
    ],
    "HubSpot": [
        hubspot("demo_scheduled"),
        {**hubspot("demo_scheduled"), "demo_date": "1804690800000", "hs_lastmodifieddate": 1_800_000_000_001},
        {**hubspot("closedlost"), "hs_lastmodifieddate": 1_800_000_000_002},
    ],
    "Salesforce": [
        one_body("scheduled"),
        {**one_body("scheduled"), "start": "2027-03-09T15:00:00", "updated_at": "2027-01-02T00:00:00Z"},
        {**one_body("cancelled"), "updated_at": "2027-01-03T00:00:00Z"},
    ],
    "Shopify": [order("paid"), order("refunded", updated_at="2027-01-02T00:00:00+01:00")],
    "Ashby": [
        interview("Scheduled"),
        _later(interview("Cancelled"), "data", "interviewSchedule", "updatedAt"),
    ],
    "Greenhouse": [
        candidate("Interview"),
        _later(candidate("Rejected"), "payload", "application", "last_activity_at"),
    ],
    "Pipedrive": [pipedrive("open"), _later(pipedrive("lost"), "data", "update_time")],
    "Thin": [app("demo_scheduled"), _later(app("closedlost"), "lookup", "deal", "updatedAt")],
    "ERP": [
        erp("made"),
        {**erp("moved"), "delivery": "2027-03-09T15:00:00+01:00", "revision": 3},
        {**erp("closed"), "revision": 4},
    ],
    "A": [
        bill(paid=False),
        {**bill(paid=False), "due_day": "2027-03-09", "revision": 3},
        {**bill(paid=True), "revision": 4},
    ],
}
"""What each system posts of one thing: made, moved where it says so, and over."""


@pytest.mark.parametrize("recipe", sorted(STORIES))
async def test_a_recipe_plays_a_thing_from_its_beginning_to_its_end_in_one_calendar(
    engine: Engine, clock: Clock, recipe: str
) -> None:
    assert set(STORIES) == set(BODIES)
    hook = await trigger(engine, RECIPES[recipe], horizon_days=0)
    left, days = [], []
    for body in STORIES[recipe]:
        for _ in range(2):  # each comes twice
            await keep(engine, hook, body)
        await handled(engine)
        clock.move(minutes=2)
        await handled(engine)
        left += [(m.email, m.kind) for m in await deliver(engine) if m.kind.calendar]
        days += [event.span.start.day for event in await events(engine)]
    kinds = [Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION]
    wanted = kinds if len(STORIES[recipe]) > 2 else [kinds[0], kinds[2]]
    assert left == [("ann@example.com", kind) for kind in wanted]
    assert len(set(days)) == len(STORIES[recipe]) - 1


OVER_THERE = {
    "Stripe": "Developers › Webhooks › Add endpoint",
    "HubSpot": "Automation › Workflows › Deal-based",
    "Thin": "Development › your app › Webhooks",
    "Salesforce": "Flow Builder: record-triggered",
    "Shopify": "Settings › Notifications › Webhooks",
    "Ashby": "Admin › Integrations › Webhooks",
    "Greenhouse": "Configure › Dev Center › Web Hooks",
    "Pipedrive": "Tools and apps › Webhooks",
    "ERP": "Sender `bearer` or `hmac`",
    "A": "sender `standard-webhooks`",
}


@pytest.mark.parametrize("recipe", sorted(BODIES))
def test_a_recipe_says_where_to_click_or_what_to_send_over_there(recipe: str) -> None:
    section = re.search(rf"^### {recipe}\b.*?$(.*?)```yaml", DOCS, re.MULTILINE | re.DOTALL)
    assert section
    assert OVER_THERE[recipe] in " ".join(section[1].split())


BEARER = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json", "X-Delivery-Id": ""}
AS_SENT: dict[str, dict[str, str]] = {
    "Zapier": BEARER,
    "n8n": {name.lower(): value for name, value in BEARER.items()},
    "Make": {name.lower(): value for name, value in BEARER.items()},
    "Salesforce": {"X-Api-Key": SECRET, "Content-Type": "application/json;charset=UTF-8"},
}
"""The headers of each product that is set up as the page says; an empty value is filled in for each delivery."""


@pytest.mark.parametrize(("sender", "header"), [(Sender.BEARER, ""), (Sender.SALESFORCE_FLOW, "X-Api-Key")])
async def test_what_an_integration_platform_sends_as_the_page_sets_it_up_counts_once(
    engine: Engine, clock: Clock, sender: Sender, header: str
) -> None:
    hook = await trigger(engine, RECIPES["Salesforce"], sender=sender, header=header, horizon_days=0)
    products = [name for name, sent in AS_SENT.items() if ("X-Api-Key" in sent) is bool(header)]
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        at = f"{address}/hooks/{hook.name}"
        for product in products:
            body = {**one_body("scheduled"), "id": product}
            sent = {
                name: value or f"{body['id']}-{body['updated_at']}"
                for name, value in AS_SENT[product].items()
            }
            assert [(await web.post(at, json=body, headers=sent)).status_code for _ in range(2)] == [200, 200]
            assert (await web.post(at, json=body)).status_code == 401
    await handled(engine)
    clock.move(minutes=2)
    await handled(engine)
    assert [m.email for m in await deliver(engine)] == ["ann@example.com"] * len(products)
    assert [one.state.value for one in await deliveries(engine, hook)] == ["done"] * len(products)


@pytest.mark.parametrize("product", sorted(AS_SENT))
def test_the_page_says_where_each_platform_takes_the_address_the_secret_and_the_body(product: str) -> None:
    (row,) = re.findall(rf"^\| {product} \| (.*) \|$", DOCS, re.MULTILINE)
    named = {name.lower() for name in re.findall(r"`([A-Za-z-]+)`", row)}
    assert {name.lower() for name in AS_SENT[product]} - {"content-type"} <= named
    assert "URL" in row
    assert "JSON" in row
    assert "Bearer SECRET" in row or "`Secret`" in row


def test_a_test_order_invites_nobody_and_an_invoice_without_a_day_neither() -> None:
    tried = asked("Shopify", order("paid", test=True))
    assert tried is not None
    assert tried.do is Deed.NOTHING
    assert asked("Stripe", invoice("invoice.finalized", due_date=None)) is None
    assert asked("Stripe", {"id": "evt_2", "type": "customer.created"}) is None


def test_a_candidate_who_may_not_be_mailed_is_not() -> None:
    body = candidate("Interview")
    body["payload"]["application"]["candidate"]["can_email"] = False
    found = asked("Greenhouse", body)
    assert found is not None
    assert found.people == ()


def _run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="cis-mcp", input=given)


async def _posted_and_invited(folder: Path, body: dict[str, Any]) -> None:
    """Stripe posts it, signed with the secret of the page, and its customer is invited; a forged one is not."""
    clock, raw = Clock(), json.dumps(body).encode()
    now = int(clock().timestamp())
    signed = openssl(f"{now}.".encode() + raw, b"whsec_the_signing_secret_of_the_endpoint").hex()
    async with engine_in(folder, clock) as engine, served(engine) as address:
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            for signature, status in ((signed[::-1], 401), (signed, 200)):
                headers = {"stripe-signature": f"t={now},v1={signature}"}
                answer = await web.post(f"{address}/hooks/invoices", content=raw, headers=headers)
                assert answer.status_code == status
        for minutes in (0, 2):  # for a minute another change may replace it
            clock.move(minutes=minutes)
            await handled(engine)
            invited = [m.email for m in await deliver(engine) if m.kind is Kind.INVITE]
            assert invited == (["ann@example.com"] if minutes else [])


def test_who_follows_the_page_has_a_trigger_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of the page's own block is run; only the key's id is filled in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    Path("stripe.yaml").write_text(RECIPES["Stripe"])
    Path("payload.json").write_text(json.dumps(invoice("invoice.finalized")))
    (block,) = re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL)
    key, said = "", []
    for line in block.strip().splitlines():
        given, _, command = line.rpartition(" | ")
        words = shlex.split(command.replace("KEY_ID", key))
        done = _run(*words[1:], given=given.removeprefix("echo "))
        assert done.exit_code == 0, (line, done.output)
        said.append(done.output)
        key = key or json.loads(done.stdout)["id"]
    assert "http://127.0.0.1:8000/hooks/invoices" in said[1]
    assert "would invite: ann@example.com" in said[3]
    assert "invoices is live." in said[4]
    asyncio.run(_posted_and_invited(tmp_path / "data", invoice("invoice.finalized")))
    listed = _run("trigger", "list").output
    assert "invoices  live  stripe  2 rules" in listed
    assert "whsec_" not in listed
    weak = _run("trigger", "create", "flow", "--sender", "bearer", "--rules", "stripe.yaml", "--key", key)
    assert "Weak proof: A bearer token" in weak.output
    assert "flow  draft  bearer (weak proof)  2 rules" in _run("trigger", "list").output
    assert _run("trigger", "deliveries", "invoices").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trigger", "live", "nothing"), "unknown_trigger"),
        (("trigger", "replay", "nothing", "x"), "unknown_trigger"),
        (("trigger", "test", "nothing"), "unknown_trigger"),
        (
            ("trigger", "create", "A b", "--sender", "stripe", "--key", "x", "--rules", "r.yaml"),
            "invalid_argument",
        ),
        (
            ("trigger", "create", "a", "--sender", "nobody", "--key", "x", "--rules", "r.yaml"),
            "invalid_argument",
        ),
        (("trigger", "create", "a", "--sender", "stripe", "--key", "x", "--rules", "r.yaml"), "unknown_key"),
        (
            ("trigger", "create", "a", "--sender", "stripe", "--key", "x", "--rules", "bad.yaml"),
            "invalid_rule",
        ),
    ],
)
def test_a_mistake_at_the_command_line_has_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    Path("r.yaml").write_text("{when: 'true', do: nothing}")
    Path("bad.yaml").write_text("{when: 'open()', do: nothing}")
    _run("vendor", "set", "own")
    done = _run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
