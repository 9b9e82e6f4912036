"""What the parties' side may refuse.

PartiesError
├── TownNotFound            parties.town-not-found
├── PartyNotFound           parties.not-found
├── PartyErased             parties.erased
├── IdentifierTaken         parties.identifier-taken
├── SignInTaken             parties.sign-in-taken
├── NotStaff                parties.not-staff
├── RoleNotOfParty          parties.role-not-of-party
├── PublicBodyKept          parties.public-body-kept
├── PersonalDataNotAllowed  parties.personal-data-not-allowed
├── InvitationNotGood       parties.invitation-not-good
├── InvitationNotFound      parties.invitation-not-found
├── OwnRight                parties.own-right
├── SamePerson              parties.same-person
├── RightNotFound           parties.right-not-found
├── RightDecided            parties.right-decided
├── LastOfficer             parties.last-officer
├── NoticeAlwaysSent        parties.notice-always-sent
└── VaultError              parties.vault
    ├── SecretsNotUsable    parties.secrets-not-usable
    ├── KeyMissing          parties.key-missing
    ├── KeyUnknown          parties.key-unknown
    ├── KeyInUse            parties.key-in-use
    ├── KeysBusy            parties.keys-busy
    ├── NextKeyMissing      parties.next-key-missing
    ├── NextKeyUnfit        parties.next-key-unfit
    └── SealBroken          parties.seal-broken
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from koinon.kernel.errors import KoinonError


class PartiesError(KoinonError):
    """Something about a party cannot be done."""

    code = "parties.refused"


class TownNotFound(PartiesError):
    """There is no such town here."""

    code = "parties.town-not-found"

    def __init__(self, *, town: str) -> None:
        self.town = town
        super().__init__(f"there is no town {town} here")


class PartyNotFound(PartiesError):
    """The town has no such party."""

    code = "parties.not-found"

    def __init__(self, *, party_id: UUID) -> None:
        self.party_id = str(party_id)
        super().__init__(f"the town has no party {party_id}")


class PartyErased(PartiesError):
    """The party's personal data were erased; nothing can be kept about it again."""

    code = "parties.erased"

    def __init__(self, *, party_id: UUID) -> None:
        self.party_id = str(party_id)
        super().__init__(f"party {party_id} was erased")


class IdentifierTaken(PartiesError):
    """Two parties of a town would have the same identifier. Nothing was written.

    ``party_id`` is the party that came second; the identifier itself is not repeated.
    """

    code = "parties.identifier-taken"

    def __init__(self, *, party_id: UUID, holder: UUID) -> None:
        self.party_id = str(party_id)
        self.holder = str(holder)
        super().__init__(f"the identifier given for party {party_id} belongs to party {holder}")


class SignInTaken(PartiesError):
    """Somebody signs in by this user name or address already. Nothing was written."""

    code = "parties.sign-in-taken"

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"somebody signs in as {name!r} already")


class NotStaff(PartiesError):
    """The user does not have the role that was to be taken away."""

    code = "parties.not-staff"

    def __init__(self, *, name: str, role: str) -> None:
        self.name = name
        self.role = role
        super().__init__(f"{name!r} is not among the town's staff" + (f" as {role}" if role else ""))


class RoleNotOfParty(PartiesError):
    """Residents act for a household or a person, shops for an organisation; nobody signs in for the town itself."""

    code = "parties.role-not-of-party"

    def __init__(self, *, party_id: UUID, kind: str, role: str) -> None:
        self.party_id = str(party_id)
        self.kind = kind
        self.role = role
        super().__init__(f"party {party_id} is a {kind.replace('_', ' ')}, for which nobody signs in as {role}")


class PublicBodyKept(PartiesError):
    """A town's own party is no person: without it the books would have no owner."""

    code = "parties.public-body-kept"

    def __init__(self, *, party_id: UUID) -> None:
        self.party_id = str(party_id)
        super().__init__(f"party {party_id} is a public body, and those are not erased")


class PersonalDataNotAllowed(PartiesError):
    """Whoever asks has no right to see who people are."""

    code = "parties.personal-data-not-allowed"

    def __init__(self) -> None:
        super().__init__("this needs the right to see personal data, which is given apart from roles")


class InvitationNotGood(PartiesError):
    """No invitation waits under this code: it was mistyped, used, withdrawn, or its days are over.

    Which of these is not said, so that trying codes teaches nothing.
    """

    code = "parties.invitation-not-good"

    def __init__(self) -> None:
        super().__init__("no invitation waits under this code")


class InvitationNotFound(PartiesError):
    """The town has no such invitation that still waits."""

    code = "parties.invitation-not-found"

    def __init__(self, *, invitation: UUID) -> None:
        self.invitation = str(invitation)
        super().__init__(f"no invitation {invitation} waits to be used")


class OwnRight(PartiesError):
    """Nobody gives themselves a right, or asks for one of their own."""

    code = "parties.own-right"

    def __init__(self) -> None:
        super().__init__("nobody gives themselves a right")


class SamePerson(PartiesError):
    """Whoever asked for a right, or would have it, cannot decide on it."""

    code = "parties.same-person"

    def __init__(self) -> None:
        super().__init__("a right over money or people takes a second person, who neither asked for it nor gets it")


class RightNotFound(PartiesError):
    """The town knows no such request for a right."""

    code = "parties.right-not-found"

    def __init__(self, *, request: UUID) -> None:
        self.request = str(request)
        super().__init__(f"the town has no request {request} for a right")


class RightDecided(PartiesError):
    """Somebody decided on this request before, or it waits already."""

    code = "parties.right-decided"

    def __init__(self, *, outcome: str) -> None:
        self.outcome = outcome
        super().__init__(f"this was {outcome} already" if outcome else "this was asked for and waits")


class LastOfficer(PartiesError):
    """Without an officer nobody could give a right any more."""

    code = "parties.last-officer"

    def __init__(self) -> None:
        super().__init__("this is the town's last officer; give somebody else the role first")


class NoticeAlwaysSent(PartiesError):
    """Of this somebody is always told. The way can be chosen, and nothing was changed."""

    code = "parties.notice-always-sent"

    def __init__(self, *, topic: str) -> None:
        self.topic = topic
        super().__init__(f"notices about {topic} cannot be turned off")


class VaultError(PartiesError):
    """Personal data cannot be sealed or opened."""

    code = "parties.vault"


class SecretsNotUsable(VaultError):
    """The file with the vault's keys is missing parts, or others may read it."""

    code = "parties.secrets-not-usable"

    def __init__(self, *, path: Path, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"the vault's keys in {path} cannot be used: {reason}")


class KeyMissing(VaultError):
    """Data were sealed under a key that the secrets file does not hold."""

    code = "parties.key-missing"

    def __init__(self, *, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"the vault's secrets hold no key {key_id}; was the right file restored?")


class KeyUnknown(VaultError):
    """The secrets file holds no key of that name, so there is none to destroy."""

    code = "parties.key-unknown"

    def __init__(self, *, key_id: str, known: Sequence[str]) -> None:
        self.key_id = key_id
        self.known = list(known)
        super().__init__(f"the vault's secrets hold no key {key_id} (keys there: {', '.join(known)})")


class KeyInUse(VaultError):
    """The key is still needed: for what is sealed under it, or because it was turned over too recently."""

    code = "parties.key-in-use"

    def __init__(self, *, key_id: str, reason: str) -> None:
        self.key_id = key_id
        self.reason = reason
        super().__init__(f"key {key_id} is still needed: {reason}")


class KeysBusy(VaultError):
    """Another program is changing the vault's keys, or holds what is to be wrapped anew. Nothing is lost; run it again."""

    code = "parties.keys-busy"

    def __init__(self, *, path: Path | None = None, left: int = 0) -> None:
        self.left = left
        super().__init__(
            f"{left} are being written by others just now; run the command again, it goes on where it ended"
            if path is None
            else f"another program is turning the keys in {path}; wait for it, or look whether it was left running"
        )


class NextKeyMissing(VaultError):
    """No key waits to be turned to."""

    code = "parties.next-key-missing"

    def __init__(self, *, path: Path | None) -> None:
        self.path = "" if path is None else str(path)
        super().__init__(
            f"no new key waits in {path}: `koinon keys add` makes one; then back the file up, and give it to every "
            "machine that serves, before you turn to it"
        )


class NextKeyUnfit(VaultError):
    """The key that waits cannot take over. The keys stay as they are."""

    code = "parties.next-key-unfit"

    def __init__(self, *, key_id: str, reason: str) -> None:
        self.key_id = key_id
        self.reason = reason
        super().__init__(f"the new key {key_id} cannot take over: {reason}")


class SealBroken(VaultError):
    """A sealed value does not open: it was altered, moved, or belongs to other secrets."""

    code = "parties.seal-broken"

    def __init__(self, *, place: str = "") -> None:
        self.place = place
        told = f"what is sealed at {place}" if place else "a sealed value"
        super().__init__(f"{told} does not open: altered, moved, or sealed with other secrets")
