"""The pages that are made from the code say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cis_mcp.manual.llms import DEFINITIONS, WORKFLOWS
from cis_mcp.manual.write import pages
from cis_mcp.mcp.tools import EVERY
from engine.refusals import Code

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"\b([a-z]+_[a-z_]+)\(([^)]*)\)")


@pytest.mark.parametrize("path", ["docs/tools.md", "llms.txt"])
def test_a_page_that_is_made_from_the_code_has_not_drifted(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == pages()[path], "run “make docs”"


def test_every_tool_argument_and_code_is_on_the_page_of_tools() -> None:
    page = pages()["docs/tools.md"]
    for spec in EVERY.values():
        section = page.partition(f"### {spec.name}\n")[2].partition("\n### ")[0]
        for name in spec.arguments.model_fields:
            assert f"| `{name}`" in section, (spec.name, name)
    assert all(f"`{code}`" in page for code in Code)


def test_llms_txt_has_fourteen_definitions_and_nine_workflows() -> None:
    assert (len(DEFINITIONS), len(WORKFLOWS)) == (14, 9)


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
