"""How many mails each person is owed in a day: their counters, and who asked for a mail."""

from __future__ import annotations

PERSON = (
    "CASE WHEN instr(email, '+') BETWEEN 2 AND instr(email, '@') "
    "THEN substr(email, 1, instr(email, '+') - 1) || substr(email, instr(email, '@')) ELSE email END"
)
"""The person of an address, as `rules.person` has it."""
COUNTED = "(kind IN ('invite','reminder') OR prompted = 1)"
"""The condition that a message counts, as `rules.counts_for_person` has it."""

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
