"""Processes and threads of this program: starting them, their limits, memory and secrets."""
