"""Size and root of the log stand under a seal, which every append renews: an earlier version would leave an old one."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing in the tables. The seal is a row of ``meta``; opening writes it, for its key is not known here."""


def downgrade() -> None:
    """An earlier version would leave the seal behind its log."""
    raise NotImplementedError("There is no way back to the third form.")
