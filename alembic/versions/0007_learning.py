"""learning

Revision: 0007, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        'evaluations',
        sa.Column('id', sa.String(length=40), nullable=False),
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('subject', sa.String(length=64), nullable=False),
        sa.Column('configuration', sa.JSON(), nullable=False),
        sa.Column('figures', sa.JSON(), nullable=False),
        sa.Column('cases', sa.LargeBinary(), nullable=False),
        sa.Column('ruling', sa.String(length=10), nullable=False),
        sa.Column('details', sa.JSON(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_evaluations')),
    )
    with op.batch_alter_table('evaluations', schema=None) as batch_op:
        batch_op.create_index('ix_evaluations_subject', ['kind', 'subject', 'at'], unique=False)

    op.create_table(
        'adapters',
        sa.Column(
            'seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False
        ),
        sa.Column('embedder', sa.String(length=200), nullable=False),
        sa.Column('dimensions', sa.Integer(), nullable=False),
        sa.Column('matrix', sa.LargeBinary(), nullable=False),
        sa.Column('provenance', sa.JSON(), nullable=False),
        sa.Column('evaluation_id', sa.String(length=40), nullable=True),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['evaluation_id'], ['evaluations.id'], name=op.f('fk_adapters_evaluation_id_evaluations')
        ),
        sa.PrimaryKeyConstraint('seq', name=op.f('pk_adapters')),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table('adapters', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_adapters_embedder'), ['embedder'], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table('adapters', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_adapters_embedder'))
    op.drop_table('adapters')
    with op.batch_alter_table('evaluations', schema=None) as batch_op:
        batch_op.drop_index('ix_evaluations_subject')
    op.drop_table('evaluations')
