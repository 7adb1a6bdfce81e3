"""The first form of the database. It stays as it is, whatever tables look like later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Table -> columns as "name type": ``*`` part of the primary key, ``!`` unique, ``?`` may be null.
_TABLES = {
    "meta": "name* t, value t",
    "intents": "id* n, what t, started t",
    "datasets": "id* n, name! t, kind t, card t, created t, seal b",
    "versions": "id* n, dataset n, number n, live n, manifest t, mac t, n_records n, commitment t, created t, seal b",
    "row_index": "dataset* n, record* b, subject? b, bucket n, digest? b",
    "models": "id* n, name! t, dataset n, card t, created t, seal b",
    "model_versions": "id* n, model n, number n, state t, data_version n, manifest t, mac t, digest t, n_records n, "
    "created t, gate t, seal b",
    "artefacts": "id* n, name! t, model n, kind t, place t, created t, seal b",
    "requests": "number* n, state t, record t, step t, key? n, handle? b, payload? b, idempotency? b, outcome? t, "
    "waiting? t, receipt? n, due t, seal b",
    "subject_keys": "handle* b, key n",
    "tombstones": "hash* b",
    "log": "number* n, entry b",
    "log_hashes": "place* n, hash b",
    "receipts": "number* n, request n, entry n, envelope b, nonces t, models t, seal b",
}
_INDICES = (
    ("by_subject", "row_index", ["subject", "dataset"]),
    ("by_idempotency", "requests", ["idempotency"]),
    ("by_state", "requests", ["state"]),
    ("by_handle", "requests", ["handle"]),
)
_WITHOUT_ROWID = ("row_index", "subject_keys", "tombstones")
_TYPES = {"t": sa.Text, "n": sa.Integer, "b": sa.LargeBinary}


def upgrade() -> None:
    """Make all tables."""
    for table, columns in _TABLES.items():
        made = []
        for column in columns.split(", "):
            name, kind = column.split()
            is_key, is_unique, may_miss = name.endswith("*"), name.endswith("!"), name.endswith("?")
            options = {"primary_key": True} if is_key else {"nullable": may_miss, "unique": is_unique or None}
            made.append(sa.Column(name.rstrip("*!?"), _TYPES[kind](), **options))
        op.create_table(table, *made, sqlite_with_rowid=table not in _WITHOUT_ROWID)
    for name, table, indexed in _INDICES:
        op.create_index(name, table, indexed)


def downgrade() -> None:
    """There is nothing before the first form."""
    raise NotImplementedError("There is nothing before the first form.")
