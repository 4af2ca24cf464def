"""The hosts to which an organizer lets its visitors be led."""

LANDING_HOSTS = """
CREATE TABLE landing_host (
    organizer TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (organizer, host)
) STRICT, WITHOUT ROWID;
"""
