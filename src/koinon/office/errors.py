"""What the back office may refuse.

OfficeError
├── FilterNotFound          office.filter-not-found
├── UploadNotFound          office.upload-not-found
├── ChangedSincePreview     office.changed-since-preview
└── NothingToDo             office.nothing-to-do
"""

from __future__ import annotations

from uuid import UUID

from koinon.kernel.errors import KoinonError


class OfficeError(KoinonError):
    """Something of the back office cannot be done."""

    code = "office.refused"


class FilterNotFound(OfficeError):
    """There is no such saved filter, or it is somebody else's."""

    code = "office.filter-not-found"

    def __init__(self, *, filter_id: UUID) -> None:
        self.filter_id = filter_id
        super().__init__(f"no saved filter {filter_id}")


class UploadNotFound(OfficeError):
    """The file that was sent is kept no longer, or was sent by somebody else."""

    code = "office.upload-not-found"

    def __init__(self, *, upload_id: UUID) -> None:
        self.upload_id = upload_id
        super().__init__(f"the file {upload_id} is kept no longer; send it again")


class ChangedSincePreview(OfficeError):
    """What would be done now differs from what was shown. Nothing was done."""

    code = "office.changed-since-preview"

    def __init__(self, *, shown: str, found: str) -> None:
        self.shown = shown
        self.found = found
        super().__init__("the records changed since the preview; look at it again")


class NothingToDo(OfficeError):
    """None of the records chosen would change."""

    code = "office.nothing-to-do"

    def __init__(self) -> None:
        super().__init__("none of the records chosen would change")
