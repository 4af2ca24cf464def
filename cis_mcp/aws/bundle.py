"""The code as one zip named by its hash: this package and its locked wheels, unpacked for functions."""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from engine.refusals import Code, Refused

_ROOMS = ("cis_mcp", "engine")
_PLATFORMS = (
    "manylinux2014_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux_2_28_aarch64",
    "manylinux_2_34_aarch64",
)
MACHINE_PYTHON, FUNCTION_PYTHON = "3.11", "3.12"
"""Lambda's 3.11 is on Amazon Linux 2, whose SQLite, of 2013, cannot search, and whose glibc is old for some wheels."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SOURCE_DATE = "315532800"


PARQUET = "requirements-parquet.lock"
"""The lock of pyarrow, which only the nightly export needs: it is larger than all the rest."""


def lock(name: str = "requirements.lock") -> Path:
    """The path of a lock file of this installation. Raises Refused: PATH_NOT_READABLE."""
    rooms = Path(str(find_spec("cis_mcp").origin)).parent  # type: ignore[union-attr]
    for place in (rooms / name, rooms.parent / name):
        if place.is_file():
            return place
    raise Refused(
        Code.PATH_NOT_READABLE, "The list of locked dependencies is missing.", "Install the package anew."
    )


def download(into: Path, *more: str, python: str = MACHINE_PYTHON) -> None:
    """Download the wheels of the lock and of `more` locks, each checked by its hash, for a version of Python on Arm.

    Raises Refused: URL_NOT_READABLE.
    """
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    locks = [word for name in ("requirements.lock", *more) for word in ("-r", str(lock(name)))]
    _pip(
        *("download", "--no-deps", "--python-version", python, "--implementation", "cp", *platforms),
        *("--require-hashes", *locks, "-d", str(into)),
    )
    for source in into.glob("*.tar.gz"):
        _pip("wheel", "--no-deps", "-w", str(into), str(source))
        source.unlink()
    bound = [wheel.name for wheel in into.glob("*linux*.whl") if "aarch64" not in wheel.name]
    if bound:
        raise Refused(Code.URL_NOT_READABLE, f"{bound[0]} was built for another machine.", "Report this.")


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", arguments[0], "-q", "--disable-pip-version-check", *arguments[1:]]
    # A wheel that is built here from its source holds times: with these it is the same each time.
    same = {**os.environ, "SOURCE_DATE_EPOCH": _SOURCE_DATE}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=same)
    if done.returncode:
        why = " ".join(done.stderr.split())[-500:]
        raise Refused(
            Code.URL_NOT_READABLE, f"The wheels cannot be downloaded: {why}", "Check pip's settings."
        )


def made(target: Path, *, unpacked: bool) -> str:
    """Download the wheels and write the zip for a machine, or with `unpacked` for the functions; returns its hash."""
    with tempfile.TemporaryDirectory(prefix="cis-wheels-") as folder:
        download(Path(folder), python=FUNCTION_PYTHON if unpacked else MACHINE_PYTHON)
        return (write_unpacked if unpacked else write)(Path(folder), target)


def write(wheels: Path, target: Path, *more: str) -> str:
    """Write the zip with the wheels of the lock and of `more` locks; returns the hash of its content.

    The same code gives the same hash, whenever it is made.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(_files(wheels)):
            _add(archive, name, path.read_bytes() if path else _pinned(*more).encode())
    return hashlib.sha256(target.read_bytes()).hexdigest()[:32]


def write_unpacked(wheels: Path, target: Path) -> str:
    """Write the zip that a function of Lambda runs, and return the hash of its content.

    It contains compiled code if this Python has the function's version: Lambda keeps nothing that an import compiles.
    """
    with tempfile.TemporaryDirectory(prefix="cis-function-") as folder:
        root = Path(folder)
        for wheel in sorted(wheels.glob("*.whl")):
            zipfile.ZipFile(wheel).extractall(root)
        for room in _ROOMS:
            place = Path(str(find_spec(room).origin)).parent  # type: ignore[union-attr]
            shutil.copytree(place, root / room, ignore=shutil.ignore_patterns("__pycache__"))
        if "{}.{}".format(*sys.version_info) == FUNCTION_PYTHON:
            _compile(root)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    _add(archive, path.relative_to(root).as_posix(), path.read_bytes())
    return hashlib.sha256(target.read_bytes()).hexdigest()[:32]


def _compile(root: Path) -> None:
    """Compile with unchecked hashes: file times in a zip mean nothing, and its files never change."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(
        root, quiet=2, stripdir=str(root), workers=1, force=True, invalidation_mode=unchecked
    )


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _pinned(*more: str) -> str:
    """The names and versions of the locks; the hashes were checked when the wheels were downloaded."""
    lines = [line for name in ("requirements.lock", *more) for line in lock(name).read_text().splitlines()]
    return "".join(f"{line.partition(' ')[0]}\n" for line in lines if line[:1].isalnum())


def _files(wheels: Path) -> Iterator[tuple[str, Path | None]]:
    yield "requirements.txt", None
    for wheel in wheels.iterdir():
        yield f"wheels/{wheel.name}", wheel
    for room in _ROOMS:
        root = Path(str(find_spec(room).origin)).parent  # type: ignore[union-attr]
        for path in root.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"code/{room}/{path.relative_to(root).as_posix()}", path
