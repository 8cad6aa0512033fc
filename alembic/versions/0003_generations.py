"""generations

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column('runs', sa.Column('error_details', sa.JSON(), nullable=True))
    op.add_column('runs', sa.Column('cancel_asked', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_column('runs', 'cancel_asked')
    op.drop_column('runs', 'error_details')
