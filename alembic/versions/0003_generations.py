"""generations

A change of the index or the embedder fills a generation of its own while the one before goes on answering; a run can
be asked to stop; a database has a name of its own; a file that failed is tried again at a time of its own.

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
    op.add_column('documents', sa.Column('retry_at', sa.Float(), nullable=True))
    op.add_column('sources', sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True))
    number = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('generations',
    sa.Column('id', number, autoincrement=True, nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('index_choice', sa.Text(), nullable=False),
    sa.Column('embedder_choice', sa.Text(), nullable=False),
    sa.Column('embedder_name', sa.String(length=200), nullable=False),
    sa.Column('options', sa.JSON(), nullable=False),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_generations')),
    sa.UniqueConstraint('key', name=op.f('uq_generations_key')),
    sqlite_autoincrement=True
    )
    op.create_table('generation_roles',
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('generation', number, nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['generation'], ['generations.id'], name=op.f('fk_generation_roles_generation_generations')),
    sa.PrimaryKeyConstraint('role', name=op.f('pk_generation_roles')),
    sa.UniqueConstraint('generation', name=op.f('uq_generation_roles_generation'))
    )
    op.create_table('generation_documents',
    sa.Column('generation', number, nullable=False),
    sa.Column('document_id', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['generation'], ['generations.id'], name=op.f('fk_generation_documents_generation_generations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('generation', 'document_id', name=op.f('pk_generation_documents'))
    )
    op.create_index('ix_generation_documents_document', 'generation_documents', ['document_id'], unique=False)
    op.create_table('removals',
    sa.Column('generation', number, nullable=False),
    sa.Column('chunk_id', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['generation'], ['generations.id'], name=op.f('fk_removals_generation_generations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('generation', 'chunk_id', name=op.f('pk_removals'))
    )
    op.create_table('installation',
    sa.Column('one', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('one', name=op.f('pk_installation'))
    )


def downgrade() -> None:
    """Go back to the one before."""
    for table in ('installation', 'removals', 'generation_documents', 'generation_roles', 'generations'):
        op.drop_table(table)
    op.drop_column('sources', 'retired_at')
    op.drop_column('documents', 'retry_at')
    op.drop_column('runs', 'cancel_asked')
    op.drop_column('runs', 'error_details')
