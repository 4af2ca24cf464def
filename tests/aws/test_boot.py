"""The boot script of the machine, played by bash with commands that write down how they were called."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cis_mcp.aws.boot import user_data

VALUES = {
    "AWS::Region": "eu-west-1",
    "DataVolume": "vol-0a1b",
    "VolumeSize": "20",
    "Device": "/dev/sdf",
    "CodeBucket": "cis-code",
    "CodeKey": "code/ab.zip",
    "DomainName": "invites.example.com",
    "ConfigurationSet": "cis-prod",
    "Queue.QueueName": "cis-prod-Queue-1",
    "Mail": "mail-bucket",
    "Organizers": "*@example.com,ann@example.org",
    "Export": "",
}
_TOLD = 'echo "$(basename "$0") $*" >> "$CALLS"\n'
_VENV = """mkdir -p "$3/bin" "$3/lib"
printf '#!/bin/sh\\necho pip "$@" >> "$CALLS"\\n' > "$3/bin/pip"
printf '#!/bin/sh\\necho "%s"\\n' "$3/lib" > "$3/bin/python"
chmod 755 "$3/bin/pip" "$3/bin/python"
"""
COMMANDS = {
    **dict.fromkeys(("dnf", "mkfs.xfs", "mount", "xfs_growfs", "useradd", "chown", "systemctl"), ""),
    "curl": "echo i-0123456789abcdef0\n",
    "aws": 'case "$2" in attach-volume) [ "$(grep -c attach-volume "$CALLS")" -ge 3 ];; esac\n',
    "blkid": '[ -n "$FORMATTED" ]\n',
    "sleep": "",
    "sha256sum": 'echo "${HASH:-ab}00ff  code.zip"\n',
    "unzip": 'for last; do :; done; mkdir -p "$last/code/cis_mcp"; touch "$last/code/cis_mcp/here.py"\n',
    "install": 'for last; do :; done; mkdir -p "$last"\n',
    "python3.11": _VENV,
    "setpriv": 'printf "%s|%s|%s" "$CIS_INBOX" "$CIS_ORGANIZERS" "$CIS_EXPORT"\n',
}
_DISK = "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0a1b"


class Booted:
    """A folder that stands for the root of the machine, where the script runs."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.root = root
        tools = root / "tools"
        tools.mkdir()
        for name, body in COMMANDS.items():
            (tools / name).write_text(f"#!/bin/sh\n{_TOLD}{body}")
            (tools / name).chmod(0o755)
        for folder in ("etc/systemd/system", "usr/local/bin", "var/lib", "dev/disk/by-id"):
            (root / folder).mkdir(parents=True)
        (root / _DISK).touch()
        self.environment = {
            **os.environ,
            "PATH": f"{tools}:/usr/bin:/bin",
            "CALLS": str(root / "calls"),
            "FORMATTED": "",
            **environment,
        }
        script = re.sub(r"\$\{([A-Za-z:.]+)\}", lambda found: VALUES[found[1]], user_data())
        places = r"(?<![\w.])/(etc|opt|usr/local/bin|var/lib/cis|dev/disk)"
        self._script = re.sub(places, lambda found: f"{root}/{found[1]}", script)

    def boot(self) -> Booted:
        """Run the script."""
        self._ran(["bash", "-c", self._script])
        return self

    def text(self, name: str) -> str:
        """A file of the machine, with its own paths."""
        return (self.root / name).read_text().replace(str(self.root), "")

    def command(self) -> str:
        """What the server gets when an operator calls `cis-mcp`."""
        return self._ran([str(self.root / "usr/local/bin/cis-mcp"), "check"])

    def _ran(self, command: list[str]) -> str:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self.environment)
        assert done.returncode == 0, done.stderr[-2_000:]
        return done.stdout


def test_a_machine_that_boots_again_finds_its_volume_and_its_server_waits_for_it(tmp_path: Path) -> None:
    booted = Booted(tmp_path).boot()
    assert booted.text("etc/fstab") == f"/{_DISK} /var/lib/cis auto noatime,nofail 0 2\n"
    service = booted.text("etc/systemd/system/cis.service").splitlines()
    assert {"RequiresMountsFor=/var/lib/cis", "ReadWritePaths=/var/lib/cis", "User=cis"} <= {*service}
    assert "systemctl enable --now cis.service" in booted.text("calls")


def test_the_server_can_write_temporary_files_though_the_system_is_read_only(tmp_path: Path) -> None:
    """SQLite and uploads need a folder for them; no other place outside of the volume can be written to."""
    service = Booted(tmp_path).boot().text("etc/systemd/system/cis.service").splitlines()
    assert {"ProtectSystem=strict", "PrivateTmp=yes"} <= {*service}


def test_the_volume_is_waited_for_and_only_an_empty_one_gets_a_file_system(tmp_path: Path) -> None:
    for name, formatted in (("new", ""), ("old", "yes")):
        (tmp_path / name).mkdir()
        calls = Booted(tmp_path / name, FORMATTED=formatted).boot().text("calls").splitlines()
        assert len([one for one in calls if "attach-volume" in one]) == 3, "until whoever had it has ended"
        assert (f"mkfs.xfs /{_DISK}" in calls) is not bool(formatted)
        order = [
            next(n for n, one in enumerate(calls) if one.startswith(word))
            for word in ("mount", "xfs_growfs /var/lib/cis", "chown")
        ]
        assert order == sorted(order)
        assert "chown -R cis:cis /var/lib/cis" in calls


@pytest.mark.parametrize("export", ["", "s3://mail-bucket/export?region=eu-west-1"])
def test_the_operators_command_has_the_settings_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, export: str
) -> None:
    monkeypatch.setitem(VALUES, "Export", export)
    booted = Booted(tmp_path).boot()
    inbox = "sqs://cis-prod-Queue-1?region=eu-west-1&bucket=mail-bucket&prefix=in/"
    assert booted.command() == f"{inbox}|*@example.com,ann@example.org|{export}"
    assert f"CIS_INBOX={inbox}" in booted.text("etc/cis.env").splitlines()
    assert "pip install -q --no-index --find-links /opt/cis/wheels" in booted.text("calls")


def test_code_that_is_not_what_its_key_says_never_runs(tmp_path: Path) -> None:
    other = Booted(tmp_path, HASH="cd")
    with pytest.raises(AssertionError, match="grep"):
        other.boot()
    assert "\nunzip" not in other.text("calls")
