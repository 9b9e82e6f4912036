"""What banking may refuse. A file that cannot be read is a ``FindingsError`` with every finding and its place.

    BankingError
    ├── AccountNotFound         banking.account-not-found
    ├── AccountTaken            banking.account-taken
    ├── FileNotFound            banking.file-not-found
    ├── PreviewOutdated         banking.preview-outdated
    ├── EntryNotFound           banking.entry-not-found
    ├── EntryMatched            banking.entry-matched
    ├── EntryNotMatched         banking.entry-not-matched
    ├── MatchKept               banking.match-kept
    └── MatchNotPossible        banking.match-not-possible

No refusal carries a name or an account number.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError


class BankingError(KoinonError):
    """The root of banking's refusals."""

    code = "banking.refused"


class AccountNotFound(BankingError):
    """The town has no bank account under this code."""

    code = "banking.account-not-found"

    def __init__(self, *, account: str) -> None:
        self.account = account
        super().__init__(f"the town has no bank account {account}")


class AccountTaken(BankingError):
    """A bank account of the town has this code with another number, or this number under another code."""

    code = "banking.account-taken"

    def __init__(self, *, account: str) -> None:
        self.account = account
        super().__init__(f"the code {account} or its number belongs to another bank account of the town")


class FileNotFound(BankingError):
    """No such file waits for its import: it was never uploaded, or its preview has lapsed."""

    code = "banking.file-not-found"

    def __init__(self, *, file: UUID) -> None:
        self.file = file
        super().__init__(f"no file {file} waits to be imported; upload it again")


class PreviewOutdated(BankingError):
    """Since the preview something changed what the import would do: look again, then import."""

    code = "banking.preview-outdated"

    def __init__(self, *, file: UUID) -> None:
        self.file = file
        super().__init__(f"the import of file {file} would do something else than was shown")


class EntryNotFound(BankingError):
    """The town's bank accounts have no such entry."""

    code = "banking.entry-not-found"

    def __init__(self, *, entry: UUID) -> None:
        self.entry = entry
        super().__init__(f"the town's bank accounts have no entry {entry}")


class EntryMatched(BankingError):
    """The entry is matched already; nothing is matched twice."""

    code = "banking.entry-matched"

    def __init__(self, *, entry: UUID) -> None:
        self.entry = entry
        super().__init__(f"entry {entry} is matched already")


class EntryNotMatched(BankingError):
    """The entry is listed already: there is no match to take back."""

    code = "banking.entry-not-matched"

    def __init__(self, *, entry: UUID) -> None:
        self.entry = entry
        super().__init__(f"entry {entry} is not matched")


class MatchKept(BankingError):
    """The match moved money in the books; it is undone by a movement of its own, never by forgetting it."""

    code = "banking.match-kept"

    def __init__(self, *, entry: UUID, kind: str) -> None:
        self.entry = entry
        self.kind = kind
        super().__init__(f"entry {entry} was matched as {kind}, which is on the books")


class MatchNotPossible(BankingError):
    """The entry cannot be matched so; every reason stands in ``grounds``."""

    code = "banking.match-not-possible"

    def __init__(self, *, entry: UUID, grounds: Sequence[Ground]) -> None:
        self.entry = entry
        self.grounds = tuple(grounds)
        super().__init__(f"entry {entry}: {', '.join(ground.code for ground in grounds)}")
