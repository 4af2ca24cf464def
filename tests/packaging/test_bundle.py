"""The one-click bundle, the registry entry and the snippets: what they say is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from bundle.build import build
from cis_mcp.mcp.tools.catalog import SPECS
from engine.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MCPB = ROOT / ".judges/node_modules/.bin/mcpb"
PROMPTS = {
    "build_schedule_page",
    "campaign_link",
    "follow_up",
    "hand_over_to_agent",
    "invite_from_schedule",
    "plan_campaign",
    "post_event_report",
    "reschedule",
    "promote",
    "set_up_trigger",
}
CLIENTS = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```json\n(.*?)```", CLIENTS, re.DOTALL)


def _json(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / name).read_text(encoding="utf-8")))


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _known(variable: str) -> bool:
    return variable.removeprefix("CIS_").lower() in Settings.model_fields


def _server(snippet: str) -> dict[str, Any]:
    """The one server that a snippet tells a client of."""
    parsed = json.loads(snippet)
    (server,) = (parsed.get("mcpServers") or parsed["servers"]).values()
    return dict(server)


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack it; files that are the same here need not be compiled again, which would take longer than all else."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    for source in folder.rglob("*.py"):
        ours = ROOT / source.relative_to(folder)
        compiled = Path(cache_from_source(ours))
        if compiled.is_file() and ours.read_bytes() == source.read_bytes():
            os.utime(source, ns=(ours.stat().st_atime_ns, ours.stat().st_mtime_ns))
            there = Path(cache_from_source(source))
            there.parent.mkdir(exist_ok=True)
            shutil.copyfile(compiled, there)


async def _tools(command: str, *arguments: str, cwd: Path, folder: Path) -> list[str]:
    """What a client that starts this very command is offered."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")}
    environment["CIS_DATA_DIR"] = str(folder)
    server = StdioServerParameters(command=command, args=list(arguments), cwd=cwd, env=environment)
    async with Client(stdio_client(server)) as client:
        return [tool.name for tool in (await client.list_tools()).tools]


def test_the_bundle_and_the_registry_entry_have_the_version_of_the_package() -> None:
    entry = _json("server.json")
    assert _json("bundle/manifest.json")["version"] == _version()
    assert {entry["version"], entry["packages"][0]["version"]} == {_version()}


def test_every_setting_that_the_bundle_and_the_registry_entry_name_exists() -> None:
    bundled = _json("bundle/manifest.json")["server"]["mcp_config"]["env"]
    registered = [v["name"] for v in _json("server.json")["packages"][0]["environmentVariables"]]
    assert bundled
    assert [name for name in [*bundled, *registered] if not _known(name)] == []


def test_the_bundle_asks_for_everything_that_it_fills_in() -> None:
    manifest = _json("bundle/manifest.json")
    filled = re.findall(r"\$\{user_config\.([a-z_]+)\}", json.dumps(manifest["server"]))
    assert sorted(filled) == sorted(manifest["user_config"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("bundle") / "cis.mcpb")


def test_the_same_sources_give_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    assert bundle.read_bytes() == build(tmp_path / "again").read_bytes()


async def test_the_unpacked_bundle_serves_the_tools_of_the_core(bundle: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    _unpack(bundle, unpacked)
    assert len(await _tools(sys.executable, "main.py", cwd=unpacked, folder=tmp_path / "data")) == len(
        SPECS["core"]
    )


def test_the_bundle_s_own_tool_finds_the_manifest_valid(tmp_path: Path) -> None:
    if not MCPB.is_file():
        assert os.environ.get("CIS_JUDGES") != "required", "mcpb is not installed: run make judges"
        pytest.skip("mcpb is not installed: run make judges")
    manifest = str(ROOT / "bundle/manifest.json")
    run = subprocess.run([MCPB, "validate", manifest], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_snippet_names_a_server_as_there_is_one(snippet: str) -> None:
    server = _server(snippet)
    if "url" in server:
        assert server["url"].endswith("/mcp")
        assert server["headers"]["Authorization"].startswith("Bearer ")
        return
    assert [name for name in server.get("env", {}) if not _known(name)] == []
    assert server["command"] == "/path/to/cis-mcp"


async def test_each_command_of_the_snippets_starts_a_server_that_has_the_tools(tmp_path: Path) -> None:
    command = shutil.which("cis-mcp", path=str(Path(sys.executable).parent)) or ""
    given = {tuple(server["args"]) for server in map(_server, SNIPPETS) if "url" not in server}
    assert given
    for arguments in given:
        folder = tmp_path / " ".join(arguments)
        assert len(await _tools(command, *arguments, cwd=tmp_path, folder=folder)) == len(SPECS["core"])


def test_the_wheel_installs_and_tells_the_story_from_an_empty_folder(tmp_path: Path) -> None:
    """Built, unpacked beside the libraries of this environment, and run as the installed command would be."""
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(built, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    _unpack(wheel, tmp_path / "site")
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")}
    environment |= {"PYTHONPATH": str(tmp_path / "site"), "CIS_DATA_DIR": str(tmp_path / "data")}
    told = "import cis_mcp.mcp.prompts as p; print(p.__file__); print(*(q.name for q in p.prompts()))"
    demo = (
        "import runpy, sys; sys.argv = ['cis-mcp', 'demo']; runpy.run_module('cis_mcp', run_name='__main__')"
    )
    run = subprocess.run(
        [sys.executable, "-c", f"{told}\n{demo}"],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    place, prompts, story = run.stdout.split("\n", 2)
    assert place.startswith(str(tmp_path / "site"))
    assert set(prompts.split()) == PROMPTS
    assert story.count("✓") == 9
