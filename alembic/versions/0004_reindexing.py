"""reindexing

Who reindexed, cancelled, was refused or changed an audience is written down, and stays: triggers refuse to change or
delete what stands there. Only the name of a person who is to be forgotten may go.

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

FIXED = 'id, at, act, subject, outcome'


def upgrade() -> None:
    """Go to this revision."""
    op.create_table('audit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person', sa.String(length=200), nullable=False),
    sa.Column('act', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('outcome', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_audit_at'), 'audit', ['at'], unique=False)
    if op.get_bind().dialect.name == 'sqlite':
        for what in ('DELETE', f'UPDATE OF {FIXED}'):
            op.execute(
                f'CREATE TRIGGER audit_no_{what[:6].lower()} BEFORE {what} ON audit '
                "BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END"
            )
        return
    op.execute(
        'CREATE FUNCTION audit_stands() RETURNS trigger LANGUAGE plpgsql AS '
        "$$ BEGIN RAISE EXCEPTION 'the audit is only appended to'; END $$"
    )
    op.execute('CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stands()')
    op.execute(
        f'CREATE TRIGGER audit_no_update BEFORE UPDATE OF {FIXED} ON audit '
        'FOR EACH ROW EXECUTE FUNCTION audit_stands()'
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table('audit')
    if op.get_bind().dialect.name != 'sqlite':
        op.execute('DROP FUNCTION audit_stands()')
