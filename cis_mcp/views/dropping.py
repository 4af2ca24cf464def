"""How an answer is given up that its client does not read."""

from __future__ import annotations

DROP = "cis.drop"
"""The extension of a request's scope that closes its connection at once; to close it in order would wait for a client
that reads nothing."""
