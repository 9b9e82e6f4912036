"""What the command line itself may refuse.

CommandError
├── NotOurDatabase          cli.not-our-database
├── DatabaseInUse           cli.database-in-use
├── TownUnknown             cli.town-unknown
├── UserUnknown             cli.user-unknown
├── RoleMissing             cli.role-missing
├── ActorNeeded             cli.actor-needed
├── UserExists              cli.user-exists
├── PasswordWeak            cli.password-weak
├── AmountNotUnderstood     cli.amount-not-understood
├── NobodyFound             cli.nobody-found
├── NotConfirmed            cli.not-confirmed
├── CycleUnknown            cli.cycle-unknown
├── FileNotUnderstood       cli.file-not-understood
├── NotSetUp                cli.not-set-up
├── NotUpToDate             cli.not-up-to-date
└── NoRoom                  cli.no-room
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from koinon.kernel.errors import KoinonError


class CommandError(KoinonError):
    """The command cannot be carried out as it was typed."""

    code = "cli.refused"


class NotOurDatabase(CommandError):
    """Starting over would delete a database that Koinon did not create."""

    code = "cli.not-our-database"

    def __init__(self) -> None:
        super().__init__(
            "--fresh deletes the embedded database only. To start over elsewhere, create an empty database "
            "and name it with --database."
        )


class DatabaseInUse(CommandError):
    """Another command or the site is working on the database that was to be deleted."""

    code = "cli.database-in-use"

    def __init__(self) -> None:
        super().__init__("another koinon is using this database; stop it (Ctrl-C where it runs) and try again")


class TownUnknown(CommandError):
    """No town of that name, or several to choose from."""

    code = "cli.town-unknown"

    def __init__(self, *, asked: str, towns: Sequence[str]) -> None:
        self.asked = asked
        self.towns = list(towns)
        known = ", ".join(towns) or "none yet: begin with `koinon town apply FOLDER`"
        told = f"there is no town {asked!r}" if asked else "say which town with --town"
        super().__init__(f"{told} (towns here: {known})")


class UserUnknown(CommandError):
    """Nobody signs in by that name in this town."""

    code = "cli.user-unknown"

    def __init__(self, *, asked: str) -> None:
        self.asked = asked
        super().__init__(f"nobody signs in as {asked!r} here; name an officer of the town with --as")


class RoleMissing(CommandError):
    """The user named with --as does not have the role that this step takes."""

    code = "cli.role-missing"

    def __init__(self, *, asked: str, role: str) -> None:
        self.asked = asked
        self.role = role
        super().__init__(
            f"{asked!r} is not {'an' if role[0] in 'aeiou' else 'a'} {role} of this town; this step takes one"
        )


class ActorNeeded(CommandError):
    """The town has people who work for it, so that a change to it is somebody's."""

    code = "cli.actor-needed"

    def __init__(self, *, town: str) -> None:
        self.town = town
        super().__init__(f"say with --as which officer changes {town}")


class UserExists(CommandError):
    """An account of that name is there; its password and address are its owner's to change."""

    code = "cli.user-exists"

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} has an account already; to give it one more role, leave --email and --password-stdin out"
        )


class PasswordWeak(CommandError):
    """The password on standard input is one that the site would not take either."""

    code = "cli.password-weak"

    def __init__(self, *, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        super().__init__(" ".join(reasons))


class AmountNotUnderstood(CommandError):
    """What was typed is no amount above zero, or could be read in two ways."""

    code = "cli.amount-not-understood"

    def __init__(self, *, written: str, reason: str) -> None:
        self.written = written
        super().__init__(f"{reason} Write it as 1.234,56 or 1234.56.")


class NobodyFound(CommandError):
    """No party of the town has the identifier that was given. It is not repeated here."""

    code = "cli.nobody-found"

    def __init__(self) -> None:
        super().__init__("nobody in this town has that identifier")


class NotConfirmed(CommandError):
    """Something that cannot be undone was asked for, and then not confirmed. Nothing was done."""

    code = "cli.not-confirmed"

    def __init__(self) -> None:
        super().__init__("not confirmed, so nothing was done; --yes confirms beforehand")


class CycleUnknown(CommandError):
    """The programme's month was not prepared."""

    code = "cli.cycle-unknown"

    def __init__(self, *, programme: str, month: str) -> None:
        self.programme = programme
        self.month = month
        super().__init__(f"{programme} has no cycle for {month}: begin with `koinon cycle prepare {programme} {month}`")


class FileNotUnderstood(CommandError):
    """A file given to a command is missing or holds something else."""

    code = "cli.file-not-understood"

    def __init__(self, *, file: Path, expected: str) -> None:
        self.file = str(file)
        super().__init__(f"{file} cannot be read as {expected}")


class NotSetUp(CommandError):
    """The database has no tables of ours yet."""

    code = "cli.not-set-up"

    def __init__(self) -> None:
        super().__init__("this database is empty: begin with `koinon demo` or `koinon town apply FOLDER`")


class NotUpToDate(CommandError):
    """The database is of an earlier version: it lacks tables or columns that this one reads."""

    code = "cli.not-up-to-date"

    def __init__(self, *, waiting: Sequence[str]) -> None:
        self.waiting = list(waiting)
        super().__init__(
            f"this database is of an earlier version of Koinon and has not had {len(self.waiting)} of its changes "
            f"({', '.join(self.waiting[:3])}{' …' if len(self.waiting) > 3 else ''}): "
            "`koinon serve` and `koinon town apply` bring it up to date"
        )


class NoRoom(CommandError):
    """The disk has too little left for what is to be written."""

    code = "cli.no-room"

    def __init__(self, *, folder: str, free_megabytes: int, needed_megabytes: int) -> None:
        self.folder = folder
        self.free_megabytes = free_megabytes
        self.needed_megabytes = needed_megabytes
        super().__init__(
            f"{folder} has {free_megabytes} MB left and about {needed_megabytes} MB are needed; free some space "
            "or set KOINON_VAR to a folder on another disk"
        )
