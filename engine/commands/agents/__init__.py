"""Agents' keys with their bounds and budgets, and the switches that hold or stop mail."""
