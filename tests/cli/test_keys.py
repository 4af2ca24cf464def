"""`cis-mcp key …` with bounds, as an owner types it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cis_mcp.cli.main import cli
from engine.commands.invites.invites import SendInvite
from engine.engine import system_clock
from tests.support.engines import created, do, engine_in, meeting, why_not


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="cis-mcp")


def _data(*arguments: str) -> dict[str, Any]:
    done = _run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


_ALL = (
    *("--owner", "boss@example.com", "--verbs", "create,send,bulk,update,report"),
    *("--to", "*@customer.com,*@*.customer.com", "--not-to", "ceo@customer.com", "--links", "customer.com"),
    *("--day", "500", "--minute", "60", "--new-people-day", "100", "--person-day", "3"),
    *("--bulk-max", "1000", "--events-max", "200", "--hours", "08:00-20:00", "--timezone", "Europe/Paris"),
    *("--horizon", "400d", "--approval", "bulk:300,new-domain", "--expires", "30d", "--probation", "7d"),
)


def test_every_bound_has_its_option() -> None:
    made = _data("key", "create", "--name", "desk", "--for", "agent@cis.test", *_ALL)
    bounds = made["bounds"]
    assert made["key"].startswith("cis_")
    assert bounds["to"] == ["*@customer.com", "*@*.customer.com"]
    assert (bounds["not_to"], bounds["links"]) == (["ceo@customer.com"], ["customer.com"])
    assert (bounds["approval"], bounds["approval_bulk"]) == (["bulk", "new-domain"], 300)
    assert (bounds["hours"], bounds["timezone"], bounds["person_day"]) == ("08:00-20:00", "Europe/Paris", 3)
    assert (bounds["expires_days"], bounds["probation_days"], bounds["horizon_days"]) == (30, 7, 400)
    shown = _data("key", "show", made["id"])
    assert shown["bounds"] == bounds
    assert "key" not in shown
    assert made["key"] not in _run("key", "show", made["id"]).output


def test_bounds_come_from_a_file_and_options_beside_it_win(tmp_path: Path) -> None:
    file = tmp_path / "bounds.json"
    file.write_text('{"to": ["*@a.com"], "day": 7, "verbs": ["create", "send"]}')
    made = _data("key", "create", "--bounds", str(file), "--day", "9")
    assert (made["bounds"]["to"], made["bounds"]["day"]) == (["*@a.com"], 9)
    file.write_text('{"too": ["*@a.com"]}')
    refused = _run("key", "create", "--bounds", str(file))
    assert refused.exit_code == 2
    assert "invalid_argument: too" in refused.stderr
    assert "not_to" in refused.stderr


def test_set_but_empty_is_nobody() -> None:
    assert _data("key", "create", "--to", "")["bounds"]["to"] == []
    assert _data("key", "create")["bounds"]["to"] is None


def test_a_key_is_changed_stopped_resumed_rotated_and_revoked() -> None:
    made = _data("key", "create", "--to", "*@a.com")
    changed = _data("key", "change", made["id"], "--day", "3")
    assert (changed["bounds"]["day"], changed["bounds"]["to"]) == (3, ["*@a.com"])
    assert _data("key", "stop", made["id"])["state"] == "stopped"
    assert _data("key", "resume", made["id"])["state"] == "live"
    assert _data("key", "rotate", made["id"])["key"] != made["key"]
    assert _data("key", "revoke", made["id"])["state"] == "revoked"
    assert _run("key", "show", "nothing").exit_code == 2


def test_the_setting_names_the_owner_of_new_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_OWNER", "boss@example.com")
    assert _data("key", "create")["bounds"]["owner"] == "boss@example.com"


def test_a_key_under_another_lies_within_it() -> None:
    above = _data("key", "create", "--to", "*@a.com", "--day", "10")
    below = _data("key", "create", "--under", above["id"])
    assert (below["under"], below["bounds"]["to"]) == ([above["id"]], ["*@a.com"])
    wider = _run("key", "create", "--under", above["id"], "--to", "*@b.com")
    assert wider.exit_code == 2
    assert "out_of_bounds" in wider.stderr


def test_a_list_changes_without_touching_the_keys_that_name_it() -> None:
    made = _data("key", "create", "--to", "@customers")
    assert _run("key", "addresses", "customers", "*@A.com", "ann@b.com").stdout == "*@a.com\nann@b.com\n"
    assert _run("key", "addresses", "customers").stdout == "*@a.com\nann@b.com\n"
    assert _data("key", "show", made["id"])["bounds"]["to"] == ["@customers"]
    assert "is empty" in _run("key", "addresses", "customers", "--none").stderr
    assert _run("key", "addresses", "customers", "nonsense").exit_code == 2


def test_a_key_is_shown_with_what_it_did_has_left_and_how_its_owner_widens_it(tmp_path: Path) -> None:
    made = _data("key", "create", "--for", "agent@cis.test", "--to", "*@customer.com", "--day", "2")
    held = _data("key", "create", "--for", "agent@cis.test", "--mode", "hold")
    asyncio.run(_asked(tmp_path / "data", made["id"], held["id"]))
    shown = _data("key", "show", made["id"])
    assert (shown["left"]["day"], shown["used"]["day"], shown["waits"]) == (1, 1, [])
    command = f"cis-mcp key change {made['id']} --to '*@customer.com,MORE'"
    assert shown["refused"] == [{"bound": "to", "times": 1, "widen": command}]
    assert [one["outcome"] for one in shown["last"]] == ["refused", "done", "done"]
    lines = _run("key", "show", made["id"]).stdout.splitlines()
    assert f"Refused by to, 1 times; to widen it: {command}" in lines
    (waits,) = [line for line in _run("key", "show", held["id"]).stdout.splitlines() if "Waits:" in line]
    assert waits.startswith("Waits: Create the event: cis-mcp approval approve ")
    assert _run(*waits.partition("cis-mcp ")[2].split()).exit_code == 0


async def _asked(folder: Path, free: str, waits: str) -> None:
    """The first key makes an event, invites a customer and is refused somebody else; the other one waits."""
    async with engine_in(folder, system_clock) as engine:
        keys = {key.id: key for key in await engine.keys()}
        event = await created(engine, keys[free].actor)
        for email in ("ann@customer.com", "eve@evil.com"):
            await why_not(engine, SendInvite(uid=event.uid, email=email), keys[free].actor)
        assert (await do(engine, meeting(), keys[waits].actor)).held
