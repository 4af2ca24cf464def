"""Writes docs/tools.md, llms.txt and the other pages that are made from the code."""
