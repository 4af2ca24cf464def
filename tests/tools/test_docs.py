"""The pages that are made from the code say what the code says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from cis_mcp.manual import write
from cis_mcp.manual.llms import DEFINITIONS, TRADE, WORKFLOWS
from cis_mcp.mcp.tools.catalog import EVERY
from engine.refusals import Code

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"\b([a-z]+_[a-z_]+|remind)\(([^)]*)\)")

pages = cache(write.pages)
"""Made once; no test changes them."""


@pytest.mark.parametrize("path", ["docs/tools.md", "llms.txt", "cis_mcp/mcp/opening.json"])
def test_a_page_that_is_made_from_the_code_has_not_drifted(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == pages()[path], "run “make docs”"


def test_every_tool_argument_and_code_is_on_the_page_of_tools() -> None:
    page = pages()["docs/tools.md"]
    for spec in EVERY.values():
        section = page.partition(f"### {spec.name}\n")[2].partition("\n### ")[0]
        for name in spec.arguments.model_fields:
            assert f"| `{name}`" in section, (spec.name, name)
    assert all(f"`{code}`" in page for code in Code)


TERMS = (
    "API Gateway",
    "Calendar Invite Server",
    "Calendar Receipt",
    "Cross-Client Compatibility",
    "CRUD Engine",
    "Dropbox Logic",
    "Duplicity of Work",
    "Email Death",
    "ICS File",
    "IETF Protocol",
    "No Reply Scenario",
    "One-Click Mechanics",
    "REST API Pipeline",
    "RSVP Duplicity",
    "User Fatigue",
)
NAMES = (
    "Create an event",
    "Update an event",
    "Cancel an event",
    "Send to a batch list",
    "Collect receipts",
    "Get the invitee report",
)


@pytest.mark.parametrize("name", [*TERMS, *DEFINITIONS])
def test_llms_txt_defines_each_term_of_the_trade_and_our_own_once(name: str) -> None:
    definitions = pages()["llms.txt"].partition("## Definitions\n")[2].partition("\n## ")[0]
    assert definitions.count(f"\n- {name}: ") == 1


@pytest.mark.parametrize("name", NAMES)
def test_llms_txt_has_each_workflow_of_the_trade(name: str) -> None:
    workflows = pages()["llms.txt"].partition("## Workflows\n")[2].partition("\n## ")[0]
    assert workflows.count(f"\n- {name}: ") == 1


def test_no_term_has_two_meanings() -> None:
    assert set(TERMS) == set(TRADE)
    assert not set(TRADE) & set(DEFINITIONS)


@pytest.mark.parametrize("title", list(WORKFLOWS))
def test_each_call_of_a_workflow_is_one_that_the_tool_takes(title: str) -> None:
    found = [call for step in WORKFLOWS[title] for call in CALL.findall(step)]
    assert len(found) >= len(WORKFLOWS[title])
    for tool, arguments in found:
        known = EVERY[tool].arguments.model_fields
        given = {name.strip() for name in arguments.split(",")}
        assert given <= set(known), (tool, given - set(known))
        required = {name for name, field in known.items() if field.is_required()}
        assert required <= given, (tool, required - given)


def test_every_link_of_llms_txt_leads_somewhere() -> None:
    page = pages()["llms.txt"]
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page):
        assert (ROOT / target).is_file(), target
