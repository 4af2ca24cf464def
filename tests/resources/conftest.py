"""Both eras of the protocol."""

from tests.tools.conftest import mode

__all__ = ["mode"]
