"""Kept predictions have an index of whom they are about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. Predictions that were kept before are deleted when their model changes, as before."""
    op.create_table(
        "predicted", sa.Column("artefact", sa.Integer, primary_key=True),
        sa.Column("record", sa.LargeBinary, primary_key=True), sa.Column("subject", sa.LargeBinary, nullable=True),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("predicted_record", "predicted", ["record"])
    op.create_index("predicted_subject", "predicted", ["subject"])


def downgrade() -> None:
    """Kept predictions would hold persons whom nothing finds."""
    raise NotImplementedError("There is no way back to the first form.")
