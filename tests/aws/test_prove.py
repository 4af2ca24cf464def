"""The script that proves an installation on an account, with an `aws` and a `cis-mcp` that answer as all goes well."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from cis_mcp.cli.main import cli
from tests.support.awsstubs import client

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/prove-on-aws.sh"
_TOLD = 'printf "%s\\0" "$(basename "$0")" "$@" >> "$CALLS"; printf "\\n" >> "$CALLS"\n'
AWS = """case "$1 $2" in
"--version ") echo aws-cli/2.31.0 ;;
"sts get-caller-identity") echo 111122223333 ;;
"cloudformation describe-stacks") [ "$THERE" ] ;;
"s3api head-bucket") exit 255 ;;
"ses describe-active-receipt-rule-set") echo None ;;
"ec2 describe-volumes" | "ec2 describe-instances") echo 0 ;;
"autoscaling describe-auto-scaling-groups")
    if grep -q terminate-instance "$CALLS"; then echo i-0b; else echo i-0a; fi ;;
"ssm send-command") echo 11111111-2222-4333-8444-555555555555 ;;
"ssm get-command-invocation") echo "$STATE" ;;
esac
"""
CIS = """case "$2" in deploy) echo "The stack is as it should be." ;; full) [ -z "$REFUSED" ] ;; esac
"""


class Played:
    """The script, run to its end in a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        for name, body in (("aws", AWS), ("cis-mcp", CIS), ("sleep", "")):
            (folder / name).write_text(f"#!/bin/bash\n{_TOLD}{body}")
            (folder / name).chmod(0o755)
        given = {"THERE": "", "REFUSED": "", "STATE": "Success", "YES": "yes", **environment}
        done = subprocess.run(
            ["bash", str(SCRIPT), "eu-west-1", "invites.example.com", "ops@example.com", "Z0123456789ABC"],
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            env={"PATH": f"{folder}:/usr/bin:/bin", "CALLS": str(folder / "calls"), **given},
        )
        self.code, self.said = done.returncode, done.stdout
        lines = (folder / "calls").read_text().split("\0\n")
        self.calls = [line.split("\0") for line in lines if line]

    def of(self, *words: str) -> list[list[str]]:
        """The calls that begin so."""
        return [call for call in self.calls if call[: len(words)] == [*words]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A run in which all goes well."""
    return Played(tmp_path_factory.mktemp("prove"))


def test_a_whole_run_says_what_it_proved_and_takes_all_away_at_its_end(played: Played) -> None:
    assert (played.code, "NOT PROVED" in played.said) == (0, False), played.said
    assert played.said.count("\nproved      ") == 11
    last = [call[1:3] for call in played.of("cis-mcp") if "--dry-run" not in call][-1]
    assert last == ["aws", "destroy"]
    destroyed = played.of("cis-mcp", "aws", "destroy")
    assert [("--yes" in call, "--data" in call) for call in destroyed] == [(False, False), (True, True)]
    assert {call[call.index("--project") + 1] for call in played.of("cis-mcp", "aws")} == {"prove"}
    assert played.of("aws", "s3", "rb")[0][-2:] == ["s3://cis-code-111122223333-eu-west-1", "--force"]


def test_each_call_is_one_that_aws_knows(played: Played) -> None:
    calls = [call[1:] for call in played.of("aws") if call[1] not in {"--version", "s3"}]
    assert len({tuple(call[:2]) for call in calls}) >= 12
    for service, operation, *options in calls:
        members = _members(service, operation)
        names = [one for one in options if one.startswith("--")]
        unknown = {one for one in names if one.removeprefix("--").removeprefix("no-") not in members}
        assert unknown <= {"--region", "--query", "--output"}, (service, operation)
        assert "--region" in names or service in {"sts", "s3api"}, (service, operation)
    for call in calls:
        if call[:2] == ["ssm", "send-command"]:
            (command,) = json.loads(call[call.index("--parameters") + 1])["commands"]
            assert subprocess.run(["bash", "-n", "-c", command], check=False).returncode == 0, command


@cache
def _members(service: str, operation: str) -> frozenset[str]:
    model: Any = client("s3" if service == "s3api" else service).meta.service_model
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    return frozenset(xform_name(name, "-") for name in shape.members) if shape else frozenset()


def test_each_command_of_ours_is_there_with_its_options(played: Played) -> None:
    on_machine = [
        shlex.split(found[1])
        for call in played.of("aws", "ssm", "send-command")
        for found in re.finditer(
            r"/usr/local/bin/(cis-mcp [^;&|>]*)", call[call.index("--parameters") + 1].rstrip('"]}')
        )
    ]
    for _, first, *rest in [*on_machine, *played.of("cis-mcp", "aws")]:
        command: Any = cli.commands[first]
        if rest and not rest[0].startswith("-") and hasattr(command, "commands"):
            command = command.commands[rest[0]]
        known = {name for one in command.params for name in one.opts}
        assert {one for one in rest if one.startswith("--")} <= known, (first, rest)


def test_what_goes_wrong_in_the_middle_is_said_and_all_is_taken_away(tmp_path: Path) -> None:
    played = Played(tmp_path, REFUSED="yes")
    assert (played.code, "NOT PROVED  preflight passes" in played.said) == (1, True)
    assert played.of("cis-mcp", "aws", "destroy")[-1][-2:] == ["--yes", "--data"]


def test_a_command_on_the_machine_that_fails_proves_nothing(tmp_path: Path) -> None:
    played = Played(tmp_path, STATE="Failed")
    assert played.code == 1
    for words in ("the boot script ended", "a mail to create@", "after a restart", "the successor has"):
        assert f"NOT PROVED  {words}" in played.said


def test_an_installation_that_was_there_before_is_never_touched(tmp_path: Path) -> None:
    played = Played(tmp_path, THERE="yes")
    assert (played.code, played.of("cis-mcp", "aws")) == (2, [])


def test_keep_leaves_it_there_and_says_what_it_costs(tmp_path: Path) -> None:
    played = Played(tmp_path, KEEP="yes")
    assert [call for call in played.of("cis-mcp", "aws", "destroy") if "--yes" in call] == []
    assert "stays and costs about $19 a month" in played.said
