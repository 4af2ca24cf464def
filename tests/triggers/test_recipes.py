"""The recipes of docs/triggers.md do what they say, with payloads in the form of each sender's documentation."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cis_mcp.cli.main import cli
from engine.model.rules import Deed
from engine.rules.admission import admit
from engine.rules.mapping import Mapped, mapped
from engine.rules.reading import rules_of

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
    listed = _run("trigger", "list").output
    assert "invoices  live  stripe  2 rules" in listed
    assert "whsec_" not in listed
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
    done = _run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
