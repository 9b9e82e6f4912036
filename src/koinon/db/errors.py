"""What the database layer may refuse.

DatabaseError
├── EmbeddedFailed          db.embedded-failed
├── FolderNotUsable         db.folder-not-usable
├── NoServerPrograms        db.no-server-programs
├── Unreachable             db.unreachable
├── ServerTooOld            db.server-too-old
├── RolesMissing            db.roles-missing
├── MigrationChanged        db.migration-changed
├── QueueFull               db.queue-full
└── NotSettled              db.not-settled
"""

from __future__ import annotations

from pathlib import Path

from koinon.kernel.errors import KoinonError


class DatabaseError(KoinonError):
    """The database cannot be used as asked."""

    code = "db.refused"


class EmbeddedFailed(DatabaseError):
    """The embedded PostgreSQL did not start; the reason is in the message and in its log."""

    code = "db.embedded-failed"

    def __init__(self, *, reason: str, log: Path) -> None:
        self.reason = reason
        self.log = str(log)
        super().__init__(f"the embedded PostgreSQL did not start: {reason} (its log: {log})")


class FolderNotUsable(DatabaseError):
    """The folder for the embedded PostgreSQL cannot be written by this user."""

    code = "db.folder-not-usable"

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder = str(folder)
        self.reason = reason
        super().__init__(f"{folder} cannot be used: {reason}")


class NoServerPrograms(DatabaseError):
    """The PostgreSQL programs are not installed, or not for this machine."""

    code = "db.no-server-programs"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"no embedded PostgreSQL for this machine: {reason}. "
            "Set KOINON_DATABASE_URL to a PostgreSQL 15 or newer instead."
        )


class Unreachable(DatabaseError):
    """The PostgreSQL that was named does not answer."""

    code = "db.unreachable"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the database cannot be reached: {reason}")


class ServerTooOld(DatabaseError):
    """The PostgreSQL that was named is older than 15."""

    code = "db.server-too-old"

    def __init__(self, *, version: int) -> None:
        self.version = version
        super().__init__(f"PostgreSQL 15 or newer is needed; this server is {version // 10000}")


class RolesMissing(DatabaseError):
    """The roles do not exist and this connection may not create them."""

    code = "db.roles-missing"

    def __init__(self, *, missing: list[str], statements: str) -> None:
        self.missing = missing
        self.statements = statements
        super().__init__(
            f"the database lacks what Koinon needs ({', '.join(missing)}) and this connection may not create it. "
            f"Have an administrator run:\n{statements}"
        )


class MigrationChanged(DatabaseError):
    """A migration that this database has had was edited afterwards."""

    code = "db.migration-changed"

    def __init__(self, *, package: str, name: str) -> None:
        self.package = package
        self.name = name
        super().__init__(f"{package}/sql/migrations/{name}.sql has changed since this database ran it")


class QueueFull(DatabaseError):
    """More is waiting to be written than can be promised to be. Nothing was done: ask again a little later."""

    code = "db.queue-full"

    def __init__(self, *, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"too much is waiting; ask again in {retry_after_seconds:.1f} s")


class NotSettled(DatabaseError):
    """The database was away for too long to tell what became of it. The same request, sent again, will tell."""

    code = "db.not-settled"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the database has not answered ({reason}); send the same again to learn what became of it")
