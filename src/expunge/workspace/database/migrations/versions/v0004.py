"""Size and root of the log stand under a seal, which every append renews: an earlier version would leave an old one."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing in the tables changes. The seal is a row of ``meta``, and its key is not known here: opening writes it."""


def downgrade() -> None:
    """An earlier version would leave the seal behind its log."""
    raise NotImplementedError("There is no way back to the third form.")
