"""Writes docs/exports.md: which tables can be exported, and what each column means."""

from __future__ import annotations

from engine.model.exports import COLUMNS, Table

_DATED = {Table.RECEIPTS: "arrived", Table.ATTENDEES: "invited"}
_OF = {
    Table.EVENTS: "One row for each event.",
    Table.ATTENDEES: "One row for each person of each event.",
    Table.MESSAGES: "One row for each calendar mail to a person: the ledger. Notices and reports are not among them.",
    Table.RECEIPTS: "One row for each answer that came back, also those that do not count.",
    Table.LINKS: "One row for each link for newsletters; the newest 10,000.",
}
_HEAD = """# Tables for analysis

For Amazon QuickSight, Metabase, a notebook, or anything else that reads CSV or Parquet.

- `cis-mcp export --to DIR` writes a file for each table; `--table`, `--format csv`, `--format parquet`,
  `--organizer`, `--since`, `--until` and `--addresses` choose what is written.
- `GET /v1/export/{table}` streams one table; its parameters are `format`, `organizer`, `since`, `until` and `masked`
  ([rest.md](rest.md)).
- `CIS_EXPORT=s3://BUCKET/PREFIX` writes all of them to a bucket every night, starting at 02:00 UTC:
  `TABLE/csv/part-TIME-*.csv`, `TABLE/parquet/part-TIME-*.parquet` if pyarrow is installed, and `TABLE/manifest.json`,
  from which Amazon QuickSight reads the CSV files. Of several processes, one writes a night; if it dies, another begins
  anew within an hour or so. A table's manifest is written last, and always names the files of one run; then those of
  earlier runs are deleted, and nothing else that lies there. Who reads all files below a prefix may see two runs
  meanwhile. With `?addresses=yes`, addresses are
  in full. The role needs `s3:PutObject`, `s3:DeleteObject` and `s3:ListBucket` there; `cis-mcp aws … --nightly-export`
  grants them.

For all of them:

- An organizer gets their own rows; the operator gets all rows, or those of the organizer who is named.
- Addresses and names are masked, and comments left out, unless `--addresses` or `masked=false` asks for them; that
  requires the verb `report`. At the command line it adds a row to the record.
- `since` and `until` are days in UTC; `since` is inclusive, `until` exclusive.
- Rows are written as they are read, so memory does not grow with the table; a row that changes meanwhile may appear
  before or after its change. A server writes three files at a time for the operator,
  and three for organizers, of whom each has two at most; one whose reader takes
  nothing for a minute, or over all less than 10,000 bytes a second, is given up and its connection closed.
- CSV follows RFC 4180, in UTF-8 with a header. Times are ISO 8601 in UTC; truths are `true` and `false`; an empty cell
  means no value. A cell that a spreadsheet would take for a formula begins with an apostrophe.
- Parquet has typed columns (text, 64-bit integers, booleans, timestamps of milliseconds in UTC), compressed by snappy.
  It needs `pip install "cis-mcp[parquet]"` (pyarrow, 55 MB); everything else works without.
- `uid` of `events` joins `event_uid` of the other tables. `event_uid` with `address` joins people, mails and
  answers, if addresses are not masked.
"""


def exports_md() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_table(table) for table in Table)])


def _table(table: Table) -> str:
    lines = [
        f"| `{one.name}` | {one.kind} | {one.meaning}{_masked(one.personal)} |" for one in COLUMNS[table]
    ]
    dated = f"{_OF[table]} Dates compare with `{_DATED.get(table, 'created')}`."
    return "\n".join(
        [f"## {table.value}\n", f"{dated}\n", "| column | kind | meaning |", "|---|---|---|", *lines, ""]
    )


def _masked(personal: str) -> str:
    return {"": "", "text": "; left out where masked"}.get(personal, "; masked")
