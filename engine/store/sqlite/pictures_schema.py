"""The table of pages' pictures; older pages get the default ones."""

PICTURES = """
CREATE TABLE picture (
    organizer TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (organizer, name)
) STRICT;
CREATE INDEX picture_by_name ON picture(name);
UPDATE page SET body = json_insert(body, '$.shows[#]', 'prompt', '$.shows[#]', 'logo', '$.shows[#]', 'banner',
    '$.shows[#]', 'background');
"""
