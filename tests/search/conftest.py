"""Both eras of the protocol, as for the other tools."""

from tests.tools.conftest import mode

__all__ = ["mode"]
