"""The vault's keys, in a file outside the database.

A copy of the database without this file holds no personal data that anyone can
read; back the two up separately (docs/guides say how).
"""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from koinon.db.locks import LockFile
from koinon.parties import crypto
from koinon.parties.errors import KeyMissing, KeysBusy, NextKeyMissing, NextKeyUnfit, SecretsNotUsable

FILE_NAME = "vault.json"
_KEY_ID = re.compile(r"[A-Za-z0-9.-]{1,40}")  # What stands unquoted in a PIN's hash and in the audit trail.


def default_folder() -> Path:
    """KOINON_SECRETS, else ``secrets`` under KOINON_VAR, else ``var/secrets`` of the project."""
    if given := os.environ.get("KOINON_SECRETS"):
        return Path(given)
    variable = os.environ.get("KOINON_VAR") or Path(__file__).resolve().parents[3] / "var"
    return Path(variable) / "secrets"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The key-encryption keys by id, which of them is current, and the key for lookups.

    ``next`` is a key that nothing is sealed under yet: it waits until every copy of the file has it.
    The keys do not show in ``repr``, and so in no log and no traceback.

    >>> Secrets(current="a", keys={"a": b"x" * 32}, lookup=b"y" * 32)
    Secrets(current='a')
    """

    current: str
    keys: Mapping[str, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)
    next: str = field(default="", repr=False)
    turned_at: datetime | None = field(default=None, repr=False)

    @classmethod
    def load(cls, folder: Path | None = None) -> Secrets:
        """The secrets of this installation, made at first use by whoever comes first.

        ``SecretsNotUsable`` when the file can be read by every user of the machine
        or does not hold what it should: nothing is guessed and nothing replaced.
        """
        path = (folder or default_folder()) / FILE_NAME
        if not path.exists():
            _create(path, _as_json(cls.fresh()))
        return _read(path)

    @classmethod
    def fresh(cls) -> Secrets:
        """New keys, kept nowhere yet."""
        key_id = _new_key_id()
        return cls(current=key_id, keys={key_id: crypto.new_key()}, lookup=crypto.new_key())

    @classmethod
    def there(cls, folder: Path | None = None) -> Secrets:
        """The secrets of this installation, which must be there: who looks at the keys of an empty folder looks at the wrong one."""
        path = (folder or default_folder()) / FILE_NAME
        if not path.exists():
            raise SecretsNotUsable(
                path=path, reason="there is no such file; does KOINON_SECRETS name the right folder?"
            )
        return _read(path)

    @classmethod
    @contextmanager
    def alone(cls, folder: Path | None = None) -> Iterator[Secrets]:
        """The secrets there are, for one program at a time that changes which keys they hold.

        Reading them waits for nobody. Refuses with ``SecretsNotUsable`` and ``KeysBusy``.
        """
        cls.there(folder)
        path = ((folder or default_folder()) / FILE_NAME).resolve()  # Two links to one file are one file.
        try:
            lock = LockFile(path.with_name(f"{FILE_NAME}.lock"))
        except OSError as refused:
            raise SecretsNotUsable(
                path=path, reason=f"its folder cannot be written ({refused.strerror}); be the user who runs the site"
            ) from None
        try:
            if not lock.take():
                raise KeysBusy(path=path)
            _sweep(path)
            yield _read(path)
        finally:
            lock.let_go()

    def with_next(self) -> Secrets:
        """The same with one more key, which waits to be turned to; the same again where one waits already."""
        if self.next:
            return self
        key_id = _new_key_id()
        return self._kept(replace(self, keys={**self.keys, key_id: crypto.new_key()}, next=key_id))

    def turned(self, *, at: datetime) -> Secrets:
        """The same with the key that waited as the current one. The old one stays until nothing needs it.

        ``Vault.rewrap`` then moves the entries; the lookup key stays, for the digests of cards, codes and files cannot be made
        again. Refuses with ``NextKeyMissing`` and ``NextKeyUnfit``: the file stays as it is.
        """
        if not self.next:
            raise NextKeyMissing(path=self.path)
        if self.next not in self.keys:
            raise NextKeyUnfit(key_id=self.next, reason="it is named as the next one, and not among the keys")
        same = [known for known, key in self.keys.items() if known != self.next and key == self.keys[self.next]]
        if self.next == self.current or same:
            raise NextKeyUnfit(key_id=self.next, reason=f"it is the same as {', '.join(same) or 'the current one'}")
        if self.keys[self.next] == self.lookup:
            raise NextKeyUnfit(key_id=self.next, reason="it is the same as the key for lookups")
        return self._kept(replace(self, current=self.next, next="", turned_at=at))

    def without(self, key_id: str) -> Secrets:
        """The same without an old key, once nothing is sealed under it."""
        assert key_id not in (self.current, self.next)
        left = {known: key for known, key in self.keys.items() if known != key_id}
        return self._kept(replace(self, keys=left))

    def key(self, key_id: str) -> bytes:
        """A key by its id, or ``KeyMissing``; one that came into the file since these were read is found there."""
        if key_id in self.keys:
            return self.keys[key_id]
        if self.path is not None:
            with suppress(SecretsNotUsable):
                since = _read(self.path)
                if since.lookup == self.lookup and key_id in since.keys:
                    return since.keys[key_id]
        raise KeyMissing(key_id=key_id)

    def _kept(self, changed: Secrets) -> Secrets:
        if self.path is not None:
            _replace(self.path, _as_json(changed))
        return changed


def _new_key_id() -> str:
    """The day, and by chance: rows name keys, so that no two keys of any two files may share a name."""
    return f"{datetime.now(UTC):%Y%m%d}-{os.urandom(4).hex()}"


def _as_json(secrets: Secrets) -> bytes:
    document: dict[str, Any] = {
        "format": "koinon-vault-1",
        "current": secrets.current,
        "keys": {key_id: base64.b64encode(key).decode() for key_id, key in secrets.keys.items()},
        "lookup": base64.b64encode(secrets.lookup).decode(),
    }
    if secrets.next:
        document["next"] = secrets.next
    if secrets.turned_at is not None:
        document["turned_at"] = secrets.turned_at.isoformat()
    return json.dumps(document, indent=1).encode() + b"\n"


def _read(path: Path) -> Secrets:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as refused:
        raise SecretsNotUsable(path=path, reason=refused.strerror or "it cannot be read") from None
    if os.name == "posix" and mode & (stat.S_IROTH | stat.S_IWOTH):
        raise SecretsNotUsable(path=path, reason=f"every user may read it (chmod 600 {path})")
    try:
        document: dict[str, Any] = json.loads(content)
        keys = {str(key_id): _key(text) for key_id, text in document["keys"].items()}
        lookup = _key(document["lookup"])
        current, following = str(document["current"]), str(document.get("next") or "")
        since = document.get("turned_at")
        turned_at = datetime.fromisoformat(since) if since else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SecretsNotUsable(path=path, reason="it is not a file of vault keys") from None
    whole = {**keys, "the key for lookups": lookup}
    if broken := [name for name, key in whole.items() if len(key) != crypto.KEY_BYTES]:
        raise SecretsNotUsable(
            path=path, reason=f"not {crypto.KEY_BYTES} bytes in base64, so cut short or mistyped: {', '.join(broken)}"
        )
    if strange := [key_id for key_id in keys if not _KEY_ID.fullmatch(key_id)]:
        raise SecretsNotUsable(path=path, reason=f"names of keys are letters, digits, dots and dashes: {strange[0]!r}")
    if current not in keys:
        raise SecretsNotUsable(path=path, reason=f"the current key {current} is missing")
    if turned_at is not None and turned_at.tzinfo is None:
        raise SecretsNotUsable(path=path, reason="turned_at says no time zone")
    return Secrets(current, keys, lookup, path, following, turned_at)


def _key(text: str) -> bytes:
    """The bytes of a key; none where it is not base64, so that the refusal can name the key."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _create(path: Path, content: bytes) -> None:
    """Write the file unless somebody else just did: whoever links first has decided for both."""
    written = _written_beside(path, content)
    try:
        os.link(written, path)
    except FileExistsError:
        pass
    except FileNotFoundError:  # Swept away by whoever changes the keys of a file that is there by now.
        if not path.exists():
            raise
    finally:
        written.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _replace(path: Path, content: bytes) -> None:
    """Another content in one step, for whoever could read the file before: root may do it for the site's user.

    A link stays one. Refuses with ``SecretsNotUsable`` where it cannot be done: the file is then as it was, and nothing lies
    beside it.
    """
    path = path.resolve()
    try:
        before = path.stat()
        if os.geteuid() not in (0, before.st_uid):  # It would be another's from then on, and the site locked out.
            raise PermissionError(errno.EPERM, "it is another user's; be the user who runs the site")
        written = _written_beside(path, content)
        try:
            _owned_alike(written, before)
            os.replace(written, path)
        except OSError:
            written.unlink(missing_ok=True)
            raise
    except OSError as refused:
        reason = f"it cannot be replaced, and is as it was ({refused.strerror})"
        raise SecretsNotUsable(path=path, reason=reason) from None
    _sync_folder(path.parent)


def _owned_alike(written: Path, before: os.stat_result) -> None:
    mode = stat.S_IMODE(before.st_mode)
    if os.geteuid() == 0:
        os.chown(written, before.st_uid, before.st_gid)
    elif mode & stat.S_IRWXG:
        os.chown(written, -1, before.st_gid)
    os.chmod(written, mode)


def _sweep(path: Path) -> None:
    """Take away what a program left beside the file when it was killed: all keys of then are in it, those destroyed since too."""
    try:
        for left in path.parent.glob(f".{path.name}.*"):
            left.unlink(missing_ok=True)
    except OSError as refused:
        reason = f"a copy beside it cannot be taken away ({refused.strerror}): {left.name}"
        raise SecretsNotUsable(path=path, reason=reason) from None


def _written_beside(path: Path, content: bytes) -> Path:
    """A complete file, readable by its owner only and safe on disk, next to where it will be; none where the disk is full."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600.
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        os.unlink(name)
        raise
    return Path(name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
