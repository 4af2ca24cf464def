"""Sends mail from the ledger by a transport, and writes down the answers."""

from engine.outbox.transports import open_transport

__all__ = ["open_transport"]
