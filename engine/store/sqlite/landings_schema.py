"""The hosts to which an organizer allows visitors to be redirected."""

LANDING_HOSTS = """
CREATE TABLE landing_host (
    organizer TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (organizer, host)
) STRICT, WITHOUT ROWID;
"""
