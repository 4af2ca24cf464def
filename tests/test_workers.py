"""Several processes run the tests: none is lost, none counts twice, and what fails is told as by one process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[1]
_HOOKS = """
import pytest
from tests.support.workers import add_option, run_in_workers

def pytest_addoption(parser):
    add_option(parser)

@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    return run_in_workers(session)
"""
_MIXED = """
import os, pytest

@pytest.fixture(scope="module")
def kept():
    with open(f"{__file__}.set_up", "a") as told:
        told.write("once ")
    yield os.getpid()

@pytest.mark.parametrize("n", range(4))
def test_good(n, kept, tmp_path):
    assert os.getpid() == kept and tmp_path.is_dir()

def test_bad():
    print("seen before the failure")
    assert 1 == 2

def test_left_out():
    pytest.skip("not here")
"""


def _run(folder: Path, *arguments: str, **files: str) -> tuple[int, str]:
    """What pytest ends with and says in a folder with these files of tests."""
    (folder / "conftest.py").write_text(_HOOKS)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    # Nothing here needs a plugin, and importing them takes longer than all else.
    plain = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment = {**os.environ, **plain, "PYTHONPATH": str(ROOT)}
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, check=False, timeout=DEADLINE_S
    )
    return done.returncode, done.stdout + done.stderr


def _counts(said: str) -> dict[str, int]:
    return {
        what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|skipped|error)", said.splitlines()[-1])
    }


@pytest.mark.parametrize("number", ["0", "1", "3", "auto"])
def test_every_test_is_run_once_in_its_files_process_and_told_as_by_one(tmp_path: Path, number: str) -> None:
    code, said = _run(tmp_path, "--workers", number, "-rs", **{f"test_{name}": _MIXED for name in "abcde"})
    assert code == 1
    assert _counts(said) == {"passed": 20, "failed": 5, "skipped": 5}
    assert said.count("seen before the failure") == 2 * 5, "the line of the source, and what was caught"
    assert said.count("assert 1 == 2") == 2 * 5 and "not here" in said
    assert [(tmp_path / f"test_{name}.py.set_up").read_text() for name in "abcde"] == ["once "] * 5


def test_a_test_that_kills_its_process_has_failed_and_the_others_are_run(tmp_path: Path) -> None:
    dies = "import os\ndef test_a(): pass\ndef test_b(): os.kill(os.getpid(), 9)\ndef test_c(): pass"
    code, said = _run(tmp_path, "--workers", "2", test_dies=dies, test_mixed=_MIXED)
    assert code == 1
    assert _counts(said) == {"passed": 6, "failed": 2, "skipped": 1}
    assert "FAILED test_dies.py::test_b" in said and "ended with -9" in said


def test_what_ends_a_process_from_within_is_told(tmp_path: Path) -> None:
    leaves = "import pytest\ndef test_a(): pytest.exit('enough')\ndef test_b(): pass"
    code, said = _run(tmp_path, "--workers", "2", test_leaves=leaves)
    assert code == 1
    assert _counts(said) == {"passed": 1, "failed": 1}
    assert "enough" in said


def test_the_first_failure_ends_all_if_asked_and_leaves_no_process(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "waits")
    waits = """
import os, threading
def test_waits():
    with open("waits", "w") as told:
        told.write(str(os.getpid()))
    threading.Event().wait()
"""
    fails = """
def test_fails():
    with open("waits") as told, open("pid", "w") as kept:
        kept.write(told.read())
    assert False
"""
    code, said = _run(tmp_path, "--workers", "2", "-x", test_fails=fails, test_waits=waits)
    assert code == 1 and "stopping after 1 failures" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_a_process_leaves_for_its_end_is_done_by_that_process_alone(tmp_path: Path) -> None:
    registers = """
import atexit, os
from pathlib import Path

def at_end(of):
    with open("ended", "a") as told:
        told.write(f"{of} {os.getpid()};")

atexit.register(at_end, "collecting")

def test_registers():
    Path("ran").write_text(str(os.getpid()))
    atexit.register(at_end, "running")
"""
    code, said = _run(
        tmp_path, "--workers", "2", test_registers=registers, test_other="def test_nothing(): pass"
    )
    assert code == 0, said
    running, collecting, _ = (tmp_path / "ended").read_text().split(";")
    ran = (tmp_path / "ran").read_text()
    assert running == f"running {ran}"
    assert collecting.startswith("collecting ") and not collecting.endswith(f" {ran}")


def test_a_file_that_cannot_be_imported_is_an_error(tmp_path: Path) -> None:
    code, said = _run(tmp_path, "--workers", "2", test_broken="import nowhere_to_be_found", test_mixed=_MIXED)
    assert code == 2
    assert "nowhere_to_be_found" in said


def test_a_number_of_workers_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    code, said = _run(tmp_path, "--workers", "many", test_a="def test_a(): pass")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--workers many: give a number, or auto" in said and "Traceback" not in said


def test_no_two_processes_draw_the_same_port() -> None:
    draws = (
        "import random; random.seed(1); from tests.support import ports; "
        "ports._BELOW_EPHEMERAL = range(9_900, 9_990); print(ports.free_port(), flush=True); input()"
    )
    command = [sys.executable, "-c", draws]
    with ExitStack() as ended:
        drawing = [
            ended.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(3)
        ]
        ports = [process.stdout.readline() for process in drawing if process.stdout]
        for process in drawing:
            process.communicate(b"\n", timeout=DEADLINE_S)
    assert len(set(ports)) == 3 and all(port.strip().isdigit() for port in ports)
