"""Outgoing webhooks: signed, posted in order and retried; fed by the log of changes."""
