"""locations

Revision: 0008, after 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("chunks") as chunks:
        chunks.add_column(sa.Column("location", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("chunks") as chunks:
        chunks.drop_column("location")
