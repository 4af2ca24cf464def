"""Files that are served unchanged: inside the installed package, or beside it in a checkout."""

from pathlib import Path


def beside(name: str) -> Path:
    """The file or folder `name`."""
    packaged = Path(__file__).parents[1] / name
    return packaged if packaged.exists() else Path(__file__).parents[2] / name
