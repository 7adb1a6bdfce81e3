"""How alembic runs our migrations: on the connection that it is given, inside its transaction.

Alembic reads this file; who imports it otherwise finds that there is nothing to run.
"""

from __future__ import annotations

from alembic import context

_config = getattr(context, "config", None)
if _config is not None:
    context.configure(connection=_config.attributes["connection"], transactional_ddl=True)
    context.run_migrations()
