"""datasets

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        'dataset_assignments',
        sa.Column('answer_id', sa.String(length=40), nullable=False),
        sa.Column('group_id', sa.String(length=16), nullable=False),
        sa.Column('split', sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ['answer_id'], ['answers.id'], name=op.f('fk_dataset_assignments_answer_id_answers'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('answer_id', name=op.f('pk_dataset_assignments')),
    )
    op.create_table(
        'dataset_snapshots',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('parent', sa.String(length=64), nullable=True),
        sa.Column('state', sa.String(length=8), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('manifest', sa.JSON(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('seq', name=op.f('pk_dataset_snapshots')),
        sa.UniqueConstraint('id', name=op.f('uq_dataset_snapshots_id')),
        sqlite_autoincrement=True,
    )
    op.create_table(
        'dataset_answers',
        sa.Column('snapshot_id', sa.String(length=64), nullable=False),
        sa.Column('answer_id', sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ['snapshot_id'],
            ['dataset_snapshots.id'],
            name=op.f('fk_dataset_answers_snapshot_id_dataset_snapshots'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('snapshot_id', 'answer_id', name=op.f('pk_dataset_answers')),
    )
    with op.batch_alter_table('dataset_answers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dataset_answers_answer_id'), ['answer_id'], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table('dataset_answers', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dataset_answers_answer_id'))
    op.drop_table('dataset_answers')
    op.drop_table('dataset_snapshots')
    op.drop_table('dataset_assignments')
