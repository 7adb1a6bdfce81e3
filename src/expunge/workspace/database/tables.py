"""Tables of a workspace. No value of a record and no raw id is in any of them: names, numbers, states, keyed hashes.

``seal`` is a keyed hash over the other columns of a row (:mod:`.engine`), so that a row which somebody changed by hand
is named. Times are ISO 8601 in UTC. What is JSON is canonical JSON in a text column.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = [
    "artefacts", "datasets", "intents", "log", "log_hashes", "meta", "metadata", "model_versions", "models",
    "predicted", "receipts", "requests", "row_index", "subject_keys", "tombstones", "versions",
]  # fmt: skip

metadata = sa.MetaData()


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=null)


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=null)


#: Counters and the like.
meta = sa.Table("meta", metadata, sa.Column("name", sa.Text, primary_key=True), _text("value"))

#: Work that was begun and not committed; what it left behind is swept away when the workspace is next opened to change.
intents = sa.Table("intents", metadata, sa.Column("id", sa.Integer, primary_key=True), _text("what"), _text("started"))

datasets = sa.Table(
    "datasets", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True), _text("kind"), _text("card"), _text("created"),
    _bytes("seal"),
)  # fmt: skip

#: Versions of data sets.
versions = sa.Table(
    "versions", metadata, sa.Column("id", sa.Integer, primary_key=True), _number("dataset"), _number("number"),
    _number("live"), _text("manifest"), _text("mac"), _number("n_records"), _text("commitment"), _text("created"),
    _bytes("seal"),
)  # fmt: skip

#: Which records there are: keyed hashes only. ``digest`` is the keyed hash of a row that is only referred to;
#: ``came`` is when the row came in, in seconds since 1970; null: with its data set.
row_index = sa.Table(
    "row_index", metadata, sa.Column("dataset", sa.Integer, primary_key=True),
    sa.Column("record", sa.LargeBinary, primary_key=True), _bytes("subject", null=True), _number("bucket"),
    _bytes("digest", null=True), sa.Column("came", sa.BigInteger),
    sa.Index("by_subject", "subject", "dataset"), sqlite_with_rowid=False,
)  # fmt: skip

models = sa.Table(
    "models", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True), _number("dataset"), _text("card"), _text("created"),
    _bytes("seal"),
)  # fmt: skip

#: Versions of models: candidate, current, failed (its gate), or retired (about to be scrubbed).
model_versions = sa.Table(
    "model_versions", metadata, sa.Column("id", sa.Integer, primary_key=True), _number("model"), _number("number"),
    _text("state"), _number("data_version"), _text("manifest"), _text("mac"), _text("digest"), _number("n_records"),
    _text("created"), _text("gate"), _bytes("seal"),
)  # fmt: skip

#: What was derived from a model: predictions in the workspace, files and models elsewhere.
artefacts = sa.Table(
    "artefacts", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True), _number("model"), _text("kind"), _text("place"),
    _text("created"), _bytes("seal"),
)  # fmt: skip

#: Whom predictions in the workspace are about: keyed hashes only.
predicted = sa.Table(
    "predicted", metadata, sa.Column("artefact", sa.Integer, primary_key=True),
    sa.Column("record", sa.LargeBinary, primary_key=True), _bytes("subject", null=True),
    sa.Index("predicted_record", "record"), sa.Index("predicted_subject", "subject"), sqlite_with_rowid=False,
)  # fmt: skip

requests = sa.Table(
    "requests", metadata, sa.Column("number", sa.Integer, primary_key=True), _text("state"), _text("record"),
    _text("step"), _number("key", null=True), _bytes("handle", null=True), _bytes("payload", null=True),
    _bytes("idempotency", null=True), _text("outcome", null=True), _text("waiting", null=True),
    _number("receipt", null=True), _text("due"), _bytes("seal"),
    sa.Index("by_idempotency", "idempotency"), sa.Index("by_state", "state"), sa.Index("by_handle", "handle"),
)  # fmt: skip

#: Number of the key of each subject with an open request.
subject_keys = sa.Table(
    "subject_keys", metadata, sa.Column("handle", sa.LargeBinary, primary_key=True), _number("key"),
    sqlite_with_rowid=False,
)  # fmt: skip

#: Sorted by themselves, so that their order says nothing about time.
tombstones = sa.Table(
    "tombstones", metadata, sa.Column("hash", sa.LargeBinary, primary_key=True), sqlite_with_rowid=False
)

log = sa.Table("log", metadata, sa.Column("number", sa.Integer, primary_key=True), _bytes("entry"))

#: Hashes of the Merkle tree over the log, in the order in which subtrees become complete.
log_hashes = sa.Table("log_hashes", metadata, sa.Column("place", sa.Integer, primary_key=True), _bytes("hash"))

receipts = sa.Table(
    "receipts", metadata, sa.Column("number", sa.Integer, primary_key=True), _number("request"), _number("entry"),
    _bytes("envelope"), _text("nonces"), _text("models"), _bytes("seal"),
)  # fmt: skip
