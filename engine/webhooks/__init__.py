"""Webhooks out: signed, posted in order, tried again; fed by the log of changes."""
