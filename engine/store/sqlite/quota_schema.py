"""The migration for mail services' quotas, which all processes share."""

from __future__ import annotations

# `part`: of the rate, after throttling; `remaining`: of 24 hours, NULL without a limit
QUOTAS = """
CREATE TABLE quota (
    name TEXT PRIMARY KEY, rate REAL NOT NULL, part REAL NOT NULL DEFAULT 1, remaining INTEGER,
    read REAL NOT NULL, slowed REAL NOT NULL DEFAULT 0
) STRICT;
"""
