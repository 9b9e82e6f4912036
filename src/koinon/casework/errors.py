"""What casework may refuse.

    CaseworkError
    ├── ComplaintNotFound       casework.complaint-not-found
    ├── DocumentNotFound        casework.document-not-found
    ├── ComplaintClosed         casework.complaint-closed
    ├── KeyReused               casework.key-reused
    ├── WordsMissing            casework.words-missing
    ├── WordsTooLong            casework.words-too-long
    ├── DocumentTooLarge        casework.document-too-large
    ├── DocumentKindRefused     casework.document-kind-refused
    ├── TooManyDocuments        casework.too-many-documents
    └── TermNotUsable           casework.term-not-usable

No refusal carries what somebody wrote.
"""

from __future__ import annotations

from uuid import UUID

from koinon.kernel.errors import KoinonError


class CaseworkError(KoinonError):
    """The root of what casework refuses."""

    code = "casework.refused"


class ComplaintNotFound(CaseworkError):
    """The town has no such complaint."""

    code = "casework.complaint-not-found"

    def __init__(self, *, complaint: UUID | None = None) -> None:
        self.complaint = complaint
        super().__init__(f"the town has no complaint {complaint}" if complaint else "the town has no such complaint")


class DocumentNotFound(CaseworkError):
    """The complaint has no such document, or it was removed."""

    code = "casework.document-not-found"

    def __init__(self, *, document: UUID) -> None:
        self.document = document
        super().__init__(f"there is no document {document}")


class ComplaintClosed(CaseworkError):
    """The complaint was answered or withdrawn; it can be opened again."""

    code = "casework.complaint-closed"

    def __init__(self, *, complaint: UUID, state: str) -> None:
        self.complaint = complaint
        self.state = state
        super().__init__(f"complaint {complaint} is {state}")


class KeyReused(CaseworkError):
    """The idempotency key was used before, for something else."""

    code = "casework.key-reused"

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"key {key} was used before, for something else")


class WordsMissing(CaseworkError):
    """A complaint, a note and an answer each say something."""

    code = "casework.words-missing"

    def __init__(self) -> None:
        super().__init__("nothing was written")


class WordsTooLong(CaseworkError):
    """More letters than are kept in one piece; attach a document instead."""

    code = "casework.words-too-long"

    def __init__(self, *, most: int, letters: int) -> None:
        self.most = most
        self.letters = letters
        super().__init__(f"{letters} letters, {most} are the most")


class DocumentTooLarge(CaseworkError):
    """The file is larger than what is kept."""

    code = "casework.document-too-large"

    def __init__(self, *, most_bytes: int, bytes_given: int) -> None:
        self.most_bytes = most_bytes
        self.bytes_given = bytes_given
        super().__init__(f"{bytes_given} bytes, {most_bytes} are the most")


class DocumentKindRefused(CaseworkError):
    """The file is none of PDF, JPEG, PNG or plain text, whatever its name says."""

    code = "casework.document-kind-refused"

    def __init__(self) -> None:
        super().__init__("only PDF, JPEG, PNG and plain text are kept")


class TooManyDocuments(CaseworkError):
    """The complaint has as many documents as one may have."""

    code = "casework.too-many-documents"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"{most} documents are the most")


class TermNotUsable(CaseworkError):
    """The town's own time for answers must lie between one day and a year, and name what it rests on."""

    code = "casework.term-not-usable"

    def __init__(self) -> None:
        super().__init__("a time for answers is 1 to 366 days and names its source")
