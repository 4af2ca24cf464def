"""The commands of the operator, and what the command line promises of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from cis_mcp.cli.main import cli
from cis_mcp.views.settings import masked
from engine.settings import Settings
from tests.cli.processes import ROOT, WITHOUT_DEMO, environment, run
from tests.support.waiting import DEADLINE_S


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="cis-mcp")


def test_help_is_shown_without_importing_what_is_heavy() -> None:
    heavy = (
        "import sys; import cis_mcp.cli.main; "
        "print([m for m in ('mcp', 'pydantic', 'engine.model.events') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", heavy],
        env=environment(Path()),
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=DEADLINE_S,
    )
    assert done.stdout.decode().strip() == "[]"
    shown = _run("--help")
    assert shown.exit_code == 0
    for command in ("serve", "worker", "ingest", "demo", "verify", "key", "organizer", "campaign", "check"):
        assert command in shown.output


async def test_the_demo_without_its_extra_says_how_to_get_it(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "demo", first=WITHOUT_DEMO)
    assert (code, out) == (1, "")
    assert 'pip install "cis-mcp[demo]"' in err
    assert "Traceback" not in err


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked() -> None:
    made = _run("key", "create", "--name", "assistant", "--for", "Ann@Example.com", "--scope", "read")
    secret = made.stdout.strip()
    assert secret.startswith("cis_")
    listed = _run("key", "list").stdout
    assert "ann@example.com: read" in listed
    assert secret not in listed
    revoked = _run("key", "revoke", listed.split()[0])
    assert "revoked" in revoked.stdout
    assert "revoked" in _run("key", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("key", "revoke", "nothing"), "unknown_key"),
        (("key", "create", "--scope", "everything"), "invalid_argument"),
        (("key", "create", "--for", "nobody"), "invalid_address"),
        (("organizer", "suspend", "nobody"), "invalid_address"),
        (("organizer", "register", "nobody"), "invalid_address"),
    ],
)
def test_a_refusal_is_a_line_with_its_code_and_exit_2(arguments: tuple[str, ...], code: str) -> None:
    _run("vendor", "set", "own")
    done = _run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{code}: ")


@pytest.mark.parametrize(
    "command",
    [
        "stop",
        "resume",
        "check",
        "campaign",
        "suppression list",
        "suppression add ann@example.com",
        "suppression remove ann@example.com",
        "organizer suspend ann@example.com",
        "forget --yes ann@example.com",
        "export ann@example.com",
        "record verify",
        "quarantine list",
        "approval list",
        "key list",
        "key revoke nothing",
        "key addresses customers *@example.com",
        "webhook list",
        "link list",
        "link hosts example.com",
        "vendor list",
        "page list",
        "trigger list",
        "export --to out",
    ],
)
def test_in_a_folder_without_a_store_a_command_says_so_and_makes_none(tmp_path: Path, command: str) -> None:
    done = _run(*command.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert "There is no store at" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["stop", "resume"])
def test_an_empty_address_is_not_taken_for_everything(command: str) -> None:
    _run("vendor", "set", "own")
    done = _run(command, "")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "leave it out to mean all mail" in done.stderr


def test_no_secret_on_stdin_takes_none_away() -> None:
    done = _run("trigger", "secret", "deals")
    assert (done.exit_code, "Nothing came on stdin" in done.stderr) == (2, True)


def test_a_tilde_that_no_shell_replaced_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", "~/cis")
    done = _run("config")
    assert (done.exit_code, done.stderr.startswith("CIS_DATA_DIR: must be a whole path")) == (2, True)


def test_an_organizer_is_suspended_and_resumed() -> None:
    _run("vendor", "set", "own")
    assert _run("organizer", "suspend", "Ann@example.com").stdout == "ann@example.com: suspended\n"
    assert _run("organizer", "resume", "ann@example.com").stdout == "ann@example.com: may send\n"


def test_check_says_that_everything_adds_up() -> None:
    _run("vendor", "set", "own")
    done = _run("check")
    assert (done.exit_code, done.stdout) == (0, "Everything adds up.\n")


def test_config_shows_what_is_in_force_with_secrets_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_DOMAIN", "invites.example.com")
    monkeypatch.setenv("CIS_OUTBOX", "smtp://user:s3cret@mail.example.com:587")
    monkeypatch.setenv("CIS_DOMIAN", "typo")
    shown = _run("config").stdout
    assert "s3cret" not in shown
    assert "CIS_OUTBOX=smtp://***@mail.example.com:587\n" in shown
    assert "CIS_ORGANIZER=agent@invites.example.com\n" in shown
    assert "# CIS_DOMIAN is set, but there is no such setting\n" in shown


def test_config_names_what_is_misspelled_in_the_file_of_settings_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CIS_DOMIAN=typo\nOTHER=1\n", encoding="utf-8")
    shown = _run("config").stdout
    assert "# CIS_DOMIAN is set, but there is no such setting\n" in shown
    assert "OTHER" not in shown


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, field in Settings.model_fields.items()
        if field.annotation is SecretStr and name not in {"outbox", "inbox"}
    ],
)
def test_config_shows_of_a_secret_only_that_it_is_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    secret = "5ec0de" * 11
    monkeypatch.setenv(f"CIS_{name.upper()}", secret)
    monkeypatch.setenv("CIS_OAUTH_ISSUER", "https://login.example.com")
    done = _run("config")
    assert done.exit_code == 0, done.stderr
    assert secret not in done.stdout
    assert f"CIS_{name.upper()}=***\n" in done.stdout


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("maildir", "maildir"),
        ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525"),
        ("smtp://u:p@ss/w,rd@h:25", "smtp://***@h:25"),
        ("smtp://h:1,imaps://u:p@h/f", "smtp://h:1,imaps://***@h/f"),
    ],
)
def test_names_and_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_bad_settings_are_a_line_each_and_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_DOMAIN", "a@b")
    monkeypatch.setenv("CIS_SENDER_AUTH", "maybe")
    done = _run("config")
    assert done.exit_code == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["CIS_DOMAIN", "CIS_SENDER_AUTH"]


async def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    code, _, err = await run(tmp_path, "vendor", "set", "own", CIS_DATA_DIR=str(blocked / "data"))
    assert (code, len(err.splitlines())) == (1, 1)


async def test_what_is_no_mail_is_quarantined_with_a_reason(tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_bytes(
        b"From: ann@example.com\r\nTo: create@cis.test\r\nSubject: Hello\r\n\r\nNo calendar here.\r\n"
    )
    code, out, _ = await run(tmp_path, "ingest", "--mailbox", "create", str(mail))
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(one["file"], bool(one["action"]), bool(one["code"])) for one in told] == [
        (str(mail), True, True)
    ]


def test_the_do_not_mail_list_is_kept_at_the_command_line() -> None:
    _run("vendor", "set", "own")
    assert _run("suppression", "list").exit_code == 0
    added = _run("suppression", "add", "ann@example.com", "Example.org")
    assert "example.org: blocked for mail of all organizers" in added.output
    why = _run("suppression", "list", "bob@mail.example.org").output
    assert why.startswith("example.org  asked  mail of anybody")
    removed = _run("suppression", "remove", "example.org", "example.net").output
    assert "example.org: off the list" in removed
    assert "example.net: was not on the list" in removed
    assert [line.split()[0] for line in _run("suppression", "list").output.splitlines()] == [
        "ann@example.com"
    ]
    assert _run("suppression", "add", "nonsense").exit_code != 0
