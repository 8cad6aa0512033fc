"""runs and jobs

Revision: 0002, after 0001

The reindex runs, on both databases; on Postgres besides the tables of Procrastinate, our queue, as the installed
version brings them. A later version that changes its tables comes with a migration of its own here.
"""

from __future__ import annotations

from importlib import resources

import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

WITHOUT_QUEUE = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT tablename AS name FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', found.name);
    END LOOP;
    FOR found IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = current_schema() AND p.proname LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', found.name);
    END LOOP;
    FOR found IN SELECT t.typname AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = current_schema() AND t.typtype IN ('e', 'c') AND t.typname LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', found.name);
    END LOOP;
END;
$$;
"""


def upgrade() -> None:
    """Go to this revision."""
    op.create_table('runs',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('folder', sa.Text(), nullable=False),
    sa.Column('allow_empty', sa.Boolean(), nullable=False),
    sa.Column('key', sa.String(length=400), nullable=True),
    sa.Column('slot', sa.String(length=64), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=True),
    sa.Column('lease_until', sa.Float(), nullable=False),
    sa.Column('token', sa.BigInteger(), nullable=True),
    sa.Column('files_done', sa.Integer(), nullable=False),
    sa.Column('files_total', sa.Integer(), nullable=False),
    sa.Column('chunks', sa.Integer(), nullable=False),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.Column('seconds_left', sa.Float(), nullable=True),
    sa.Column('report', sa.JSON(), nullable=True),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('error_kind', sa.String(length=60), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_runs')),
    sa.UniqueConstraint('key', name=op.f('uq_runs_key')),
    sa.UniqueConstraint('slot', name=op.f('uq_runs_slot'))
    )
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.create_index('ix_runs_state', ['state', 'lease_until'], unique=False)

    op.create_table('run_batches',
    sa.Column('run_id', sa.String(length=40), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('files', sa.Integer(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=True),
    sa.Column('lease_until', sa.Float(), nullable=False),
    sa.Column('done', sa.Boolean(), nullable=False),
    sa.Column('chunks', sa.Integer(), nullable=False),
    sa.Column('tally', sa.JSON(), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_run_batches_run_id_runs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('run_id', 'number', name=op.f('pk_run_batches'))
    )
    if op.get_bind().dialect.name == 'postgresql':
        _execute(resources.files('procrastinate').joinpath('sql', 'schema.sql').read_text('utf-8'))


def downgrade() -> None:
    """Go back to the one before."""
    if op.get_bind().dialect.name == 'postgresql':
        _execute(WITHOUT_QUEUE)
    op.drop_table('run_batches')
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_index('ix_runs_state')

    op.drop_table('runs')


def _execute(script: str) -> None:
    """Run many statements as they stand: colons and percent signs in them are no parameters."""
    cursor = op.get_bind().connection.cursor()
    cursor.execute(script)
    cursor.close()
