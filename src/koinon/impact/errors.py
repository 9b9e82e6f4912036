"""What impact may refuse of a town's targets.

TargetError
├── TargetNotFound      impact.target-not-found
├── TargetDecided       impact.target-decided
├── TargetSamePerson    impact.target-same-person
└── TargetNotSound      impact.target-not-sound
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError, KoinonError


class TargetError(KoinonError):
    """The root of what is refused of targets."""

    code = "impact.target"


class TargetNotFound(TargetError):
    """The town has no such proposed target."""

    code = "impact.target-not-found"

    def __init__(self, *, target: UUID) -> None:
        self.target = target
        super().__init__(f"the town has no proposed target {target}")


class TargetDecided(TargetError):
    """Somebody has decided of this proposed target already."""

    code = "impact.target-decided"

    def __init__(self, *, target: UUID, state: str) -> None:
        self.target = target
        self.state = state
        super().__init__(f"target {target} is {state}")


class TargetSamePerson(TargetError):
    """Whoever proposed a target cannot confirm it. A second person must."""

    code = "impact.target-same-person"

    def __init__(self, *, target: UUID) -> None:
        self.target = target
        super().__init__(f"target {target} needs a second person")


class TargetNotSound(FindingsError, TargetError):
    """The target cannot be meant; every finding stands with its place. Nothing was written."""

    code = "impact.target-not-sound"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
