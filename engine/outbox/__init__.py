"""Mail is sent: from the ledger, by a transport, with the answer written down."""

from engine.outbox.transports import open_transport

__all__ = ["open_transport"]
