"""A file as a lock that the kernel lets go of however a process ends, and that can be looked at without taking it."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from enum import Enum
from pathlib import Path

# Locks of the open file and not of the process (fcntl(2), "open file description locks"):
# another place of the same program that opens and closes the file does not let go of them.
_GET, _SET = 36, 37
_FLOCK = "hhqqi4x"


class Held(Enum):
    """How others hold the lock."""

    NOT_AT_ALL = fcntl.F_UNLCK
    SHARED = fcntl.F_RDLCK
    ALONE = fcntl.F_WRLCK


class LockFile:
    """A lock that many may share or one may have alone.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     mine, yours = LockFile(Path(folder) / "lock"), LockFile(Path(folder) / "lock")
    ...     mine.share(), yours.share(), yours.take(), mine.held_by_others(), mine.let_go(), yours.take()
    (True, True, False, <Held.SHARED: 0>, None, True)
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.geteuid() == 0:  # Root makes the file for the folder's owner, who may come next.
            owner = path.parent.stat()
            if owner.st_uid != 0:
                os.fchown(self._file, owner.st_uid, owner.st_gid)

    def share(self) -> bool:
        """Hold it together with others; False when somebody has it alone."""
        return self._set(fcntl.F_RDLCK)

    def take(self) -> bool:
        """Have it alone; False when anybody else holds it."""
        return self._set(fcntl.F_WRLCK)

    def held_by_others(self) -> Held:
        answer = fcntl.fcntl(self._file, _GET, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return Held(struct.unpack(_FLOCK, answer)[0])

    def let_go(self) -> None:
        """Also closes the file: the lock cannot be taken again through this object."""
        os.close(self._file)

    def _set(self, kind: int) -> bool:
        try:
            fcntl.fcntl(self._file, _SET, struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0))
        except OSError as refused:
            if refused.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True
