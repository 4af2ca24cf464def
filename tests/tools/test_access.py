"""Which tools a caller sees: the server's choice, its key's, and what its key may do."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.cli.main import cli
from cis_mcp.mcp.listed import TIERS
from cis_mcp.mcp.tools import EVERYTHING, LISTED, Selection, Tier, allowed
from cis_mcp.mcp.tools.access import names_in
from cis_mcp.mcp.tools.base import ACTING, spec_of
from cis_mcp.mcp.tools.catalog import EVERY, SPECS
from cis_mcp.run import serving
from cis_mcp.stdio import opening
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.verbs import verbs_of
from engine.refusals import Code, Refused
from engine.settings import Settings
from tests.tools.caller import Caller, Mode, agent, calling

ALL_SCOPES = frozenset(
    {
        "read",
        "events",
        "invites",
        "campaigns",
        "suppress",
        "trigger",
        "publish",
        "reply",
        "admin",
        "approve",
        "delegate",
    }
)


async def names(caller: Caller) -> list[str]:
    return [tool.name for tool in (await caller.client.list_tools()).tools]


async def test_a_read_only_server_has_exactly_the_tools_that_say_that_they_read(
    engine: Engine, mode: Mode
) -> None:
    async with calling(engine, mode, selection=Selection("operator", read_only=True)) as caller:
        listed = (await caller.client.list_tools()).tools
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed)
        assert {"get_event", "list_changes", "list_keys"} <= {tool.name for tool in listed}
        assert await caller.code("create_event", summary="x") == "unknown_tool"
        assert "create_event" not in (caller.client.instructions or "")


async def test_named_tools_are_there_whatever_their_tier_and_excluded_ones_are_not(engine: Engine) -> None:
    selection = Selection.of("core", "get_stats, list_changes ,get_stats", "get_stats")
    async with calling(engine, selection=selection) as caller:
        assert await names(caller) == ["list_changes"]
    async with calling(engine, selection=Selection.of("core", exclude="bulk_send")) as caller:
        assert len(await names(caller)) == len(SPECS["core"]) - 1
        assert await caller.code("bulk_send") == "unknown_tool"


async def test_a_tool_that_is_kept_from_a_caller_answers_like_one_that_does_not_exist(
    engine: Engine, mode: Mode
) -> None:
    async with calling(engine, mode, agent("ann@example.com")) as caller:
        hidden = await caller.refused("check_server")
        absent = await caller.refused("check_zerver")
    assert hidden["message"].replace("server", "") == absent["message"].replace("zerver", "")
    assert hidden["code"] == absent["code"] == "unknown_tool"
    assert hidden["hint"] == absent["hint"]


async def test_a_tool_of_another_tier_is_found_by_whoever_could_use_it_there(
    engine: Engine, mode: Mode
) -> None:
    async with calling(engine, mode, agent("ann@example.com")) as caller:
        refused = await caller.refused("import_calendar", url="https://example.com/x.ics")
        assert refused["code"] == "unknown_tool"
        assert "extended" in refused["message"]
        assert "--tier extended" in refused["hint"]
    narrow = Selection("core")
    async with calling(engine, mode, agent("ann@example.com"), granted=narrow) as caller:
        assert "extended" not in str(await caller.refused("import_calendar"))
    async with calling(engine, mode, agent("ann@example.com", frozenset({"read"}))) as caller:
        assert "extended" not in str(await caller.refused("import_calendar"))
    async with calling(engine, selection=Selection.of("core", exclude="import_calendar")) as caller:
        assert "extended" not in str(await caller.refused("import_calendar"))


async def test_a_keys_own_selection_narrows_that_of_the_server(engine: Engine, mode: Mode) -> None:
    granted = Selection("operator", tools=("get_event", "list_quarantine", "send_invite"), read_only=True)
    async with calling(engine, mode, agent("ann@example.com"), granted=granted) as caller:
        assert await names(caller) == ["get_event"]
        assert await caller.code("list_quarantine") == "unknown_tool"
        assert await caller.code("send_invite") == "unknown_tool"
        assert "send_invite" not in (caller.client.instructions or "")


async def test_a_key_sees_the_tools_that_its_scopes_are_good_for(engine: Engine) -> None:
    async with calling(
        engine, actor=agent("a@example.com", frozenset({"invites"})), tier="operator"
    ) as caller:
        assert await names(caller) == ["send_invite", "withdraw_invite", "undo"]
    async with calling(engine, actor=agent("a@example.com", ALL_SCOPES), tier="operator") as caller:
        assert await names(caller) == list(EVERY)
    async with calling(engine, actor=agent("a@example.com"), tier="operator") as caller:
        assert not {"list_quarantine", "revoke_key", "get_settings"} & set(await names(caller))


@pytest.mark.parametrize(
    ("given_name", "near"), [("send_invit", "send_invite"), ("List-Changes", "list_changes")]
)
def test_a_name_that_no_tool_has_is_refused_with_the_nearest(given_name: str, near: str) -> None:
    with pytest.raises(Refused) as raised:
        names_in(f"get_event,{given_name}")
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert given_name in raised.value.message
    assert near in raised.value.hint


def _serve(*options: str) -> Result:
    return CliRunner().invoke(cli, ["serve", *options])


def test_the_command_line_refuses_tools_that_there_are_not_before_it_starts() -> None:
    for option in ("--tools", "--exclude-tools"):
        result = _serve(option, "send_invit")
        assert result.exit_code == 2
        assert "Did you mean send_invite" in result.output
    nothing = _serve("--tools", "send_invite", "--read-only")
    assert (nothing.exit_code, "exclude every tool" in nothing.output) == (2, True)


def test_the_command_line_hands_its_selection_to_either_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Selection] = []
    begun: list[Selection] = []

    def opens(_settings: Settings, selection: Selection) -> None:
        begun.append(selection)

    async def stdio(_settings: Settings, selection: Selection, _secret: str, _opening: None) -> int:
        seen.append(selection)
        return 0

    async def http(
        _settings: Settings, _host: str, _port: int, selection: Selection, *, no_auth: bool
    ) -> int:
        assert no_auth
        seen.append(selection)
        return 0

    monkeypatch.setattr(opening, "begun", opens)
    monkeypatch.setattr(serving, "over_stdio", stdio)
    monkeypatch.setattr(serving, "over_http", http)
    chosen = ["--tier", "operator", "--exclude-tools", "revoke_key", "--read-only"]
    assert _serve(*chosen).exit_code == 0
    assert _serve(*chosen, "--http", "127.0.0.1:0", "--no-auth").exit_code == 0
    chosen_tools = Selection("operator", (), ("revoke_key",), read_only=True)
    assert (seen, begun) == ([chosen_tools] * 2, [chosen_tools])


_NAMES = st.lists(st.sampled_from(sorted(EVERY)), max_size=4).map(tuple)
_SELECTIONS = st.builds(
    Selection, st.sampled_from(sorted(SPECS)), tools=_NAMES, exclude=_NAMES, read_only=st.booleans()
)
_ACTORS = st.builds(
    lambda scopes: Actor(kind="agent", address="a@example.com", scopes=scopes),
    st.frozensets(st.sampled_from(sorted(ALL_SCOPES))),
)


@given(_SELECTIONS, _ACTORS)
def test_whatever_is_chosen_nothing_excluded_writing_or_out_of_scope_is_allowed(
    selection: Selection, actor: Actor
) -> None:
    for spec in EVERY.values():
        if not allowed(LISTED[spec.name], selection, actor):
            continue
        assert spec.name not in selection.exclude
        assert not selection.read_only or spec.hints.read_only_hint
        assert verbs_of(spec.scopes) <= actor.verbs
        assert not selection.tools or spec.name in selection.tools


@pytest.mark.parametrize(("less", "more"), [("core", "extended"), ("extended", "operator")])
def test_each_tier_holds_the_one_before(less: Tier, more: Tier) -> None:
    assert {spec.name for spec in SPECS[less]} < {spec.name for spec in SPECS[more]}
    assert [tool.name for tool in EVERYTHING.listed] == list(EVERY)


@pytest.mark.parametrize("name", list(EVERY))
def test_what_is_listed_of_a_tool_is_what_it_is_made_of(name: str) -> None:
    spec, tool = EVERY[name], LISTED[name]
    assert spec_of(tool) is spec
    assert (tool.verbs, tool.acting) == (verbs_of(spec.scopes), spec.scope == ACTING)
    assert (tool.beside, tool.attended) == (spec.beside, spec.attended)
    assert tool.read_only is bool(spec.hints.read_only_hint)
    assert [tier for tier in TIERS if spec in SPECS[tier]] == list(TIERS[TIERS.index(tool.tier) :])
    assert tool.shown == spec.shown


def test_what_is_listed_has_the_order_of_the_catalog() -> None:
    assert list(LISTED) == list(EVERY)
