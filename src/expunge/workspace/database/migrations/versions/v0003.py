"""The index of records tells when a row came in that was appended or corrected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Of rows that are there it is not known: they are dated as their data set, as before."""
    op.add_column("row_index", sa.Column("came", sa.BigInteger, nullable=True))


def downgrade() -> None:
    """Dates that people were told would change."""
    raise NotImplementedError("There is no way back to the second form.")
