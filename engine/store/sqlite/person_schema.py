"""The migration for counters of mails per person and day, and for who prompted a mail."""

from __future__ import annotations

PERSON = (
    "CASE WHEN instr(email, '+') BETWEEN 2 AND instr(email, '@') "
    "THEN substr(email, 1, instr(email, '+') - 1) || substr(email, instr(email, '@')) ELSE email END"
)
"""The SQL for the person of an address, equal to `rules.person`."""
COUNTED = "(kind IN ('invite','reminder') OR prompted = 1)"
"""The condition that a message counts, equal to `rules.counts_for_person`."""

# what was owed today before these counters were there
PERSON_MAILS = f"""
ALTER TABLE message ADD COLUMN prompted INTEGER NOT NULL DEFAULT 0;
CREATE TABLE person_mail (
    day INTEGER NOT NULL, person TEXT NOT NULL, n INTEGER NOT NULL, prompted INTEGER NOT NULL,
    PRIMARY KEY (day, person)
) STRICT, WITHOUT ROWID;
INSERT INTO person_mail SELECT unixepoch() / 86400, {PERSON}, count(*), 0 FROM message
    WHERE {COUNTED} AND created >= unixepoch() / 86400 * 86400 AND created < unixepoch() / 86400 * 86400 + 86400
    GROUP BY 2;
"""
