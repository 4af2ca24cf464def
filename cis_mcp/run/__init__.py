"""Runs the server or the worker in one process, and stops it."""
