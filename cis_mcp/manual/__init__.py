"""Writes docs/tools.md and llms.txt from the code."""
