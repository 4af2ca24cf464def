"""The record of all commands: what signs it, what verifies it, and what keeps it short."""
