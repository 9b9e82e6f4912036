"""The vault's keys, in a file outside the database.

A copy of the database without this file holds no personal data that anyone can
read; back the two up separately (docs/guides say how).
"""

from __future__ import annotations

import base64
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from koinon.parties import crypto
from koinon.parties.errors import KeyMissing, SecretsNotUsable

FILE_NAME = "vault.json"


def default_folder() -> Path:
    """KOINON_SECRETS, else ``secrets`` under KOINON_VAR, else ``var/secrets`` of the project."""
    if given := os.environ.get("KOINON_SECRETS"):
        return Path(given)
    variable = os.environ.get("KOINON_VAR") or Path(__file__).resolve().parents[3] / "var"
    return Path(variable) / "secrets"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The key-encryption keys by id, which of them is current, and the key for lookups.

    The keys do not show in ``repr``, and so in no log and no traceback.

    >>> Secrets(current="a", keys={"a": b"x" * 32}, lookup=b"y" * 32)
    Secrets(current='a')
    """

    current: str
    keys: Mapping[str, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)

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
        key_id = _new_key_id({})
        return cls(current=key_id, keys={key_id: crypto.new_key()}, lookup=crypto.new_key())

    def rotated(self) -> Secrets:
        """The same with a new current key, written to the file. Old keys stay until nothing needs them.

        Afterwards ``Vault.rewrap`` moves the entries; the lookup key stays, for
        changing it would mean opening everybody's data.
        """
        key_id = _new_key_id(self.keys)
        turned = Secrets(key_id, {**self.keys, key_id: crypto.new_key()}, self.lookup, self.path)
        if self.path is not None:
            _replace(self.path, _as_json(turned))
        return turned

    def without(self, key_id: str) -> Secrets:
        """The same without an old key, once no entry is wrapped by it."""
        assert key_id != self.current
        left = {known: key for known, key in self.keys.items() if known != key_id}
        pruned = Secrets(self.current, left, self.lookup, self.path)
        if self.path is not None:
            _replace(self.path, _as_json(pruned))
        return pruned

    def key(self, key_id: str) -> bytes:
        try:
            return self.keys[key_id]
        except KeyError:
            raise KeyMissing(key_id=key_id) from None


def _new_key_id(taken: Mapping[str, bytes]) -> str:
    today = datetime.now(UTC).strftime("%Y%m%d")
    return next(name for number in range(1, 1000) if (name := f"{today}-{number}") not in taken)


def _as_json(secrets: Secrets) -> bytes:
    document = {
        "format": "koinon-vault-1",
        "current": secrets.current,
        "keys": {key_id: base64.b64encode(key).decode() for key_id, key in secrets.keys.items()},
        "lookup": base64.b64encode(secrets.lookup).decode(),
    }
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
        keys = {str(key_id): base64.b64decode(text, validate=True) for key_id, text in document["keys"].items()}
        lookup = base64.b64decode(document["lookup"], validate=True)
        current = str(document["current"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SecretsNotUsable(path=path, reason="it is not a file of vault keys") from None
    if current not in keys or any(len(key) != crypto.KEY_BYTES for key in [lookup, *keys.values()]):
        raise SecretsNotUsable(path=path, reason="a key is missing or cut short")
    return Secrets(current, keys, lookup, path)


def _create(path: Path, content: bytes) -> None:
    """Write the file unless somebody else just did: whoever links first has decided for both."""
    written = _written_beside(path, content)
    try:
        os.link(written, path)
    except FileExistsError:
        pass
    finally:
        written.unlink()
    _sync_folder(path.parent)


def _replace(path: Path, content: bytes) -> None:
    os.replace(_written_beside(path, content), path)
    _sync_folder(path.parent)


def _written_beside(path: Path, content: bytes) -> Path:
    """A complete file, readable by its owner only and safe on disk, next to where it will be."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600.
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
