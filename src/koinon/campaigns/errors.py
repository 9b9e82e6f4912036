"""What campaigns may refuse.

CampaignsError
├── CampaignNotFound        campaigns.not-found
├── CampaignInOtherState    campaigns.in-other-state
├── CodeTaken               campaigns.code-taken
├── SamePerson              campaigns.same-person
├── ReserveShort            campaigns.reserve-short
├── BudgetExceeded          campaigns.budget-exceeded
├── CampaignOver            campaigns.over
└── CampaignNotSound        campaigns.not-sound
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.money import Amount


class CampaignsError(KoinonError):
    """The root of what campaigns refuse."""

    code = "campaigns.refused"


class CampaignNotFound(CampaignsError):
    """The town has no such campaign."""

    code = "campaigns.not-found"

    def __init__(self, *, campaign: str) -> None:
        self.campaign = campaign
        super().__init__(f"the town has no campaign {campaign}")


class CampaignInOtherState(CampaignsError):
    """This step has been taken already, or is not possible yet."""

    code = "campaigns.in-other-state"

    def __init__(self, *, campaign: UUID, state: str, needed: Collection[str]) -> None:
        self.campaign = campaign
        self.state = state
        self.needed = tuple(needed)
        super().__init__(f"campaign {campaign} is {state}; this needs it to be {' or '.join(needed)}")


class CodeTaken(CampaignsError):
    """Another campaign of the town has this short name."""

    code = "campaigns.code-taken"

    def __init__(self, *, taken: str) -> None:
        self.taken = taken
        super().__init__(f"the town has a campaign {taken} already")


class SamePerson(CampaignsError):
    """Whoever drew the campaign up, changed it or handed it in cannot release its money. A second person must."""

    code = "campaigns.same-person"

    def __init__(self, *, campaign: UUID) -> None:
        self.campaign = campaign
        super().__init__(f"campaign {campaign} needs a second person")


class ReserveShort(CampaignsError):
    """The fund's reserve holds fewer euros than the campaign's ceiling. Nothing was issued."""

    code = "campaigns.reserve-short"

    def __init__(self, *, campaign: UUID, available: Amount, needed: Amount) -> None:
        self.campaign = campaign
        self.available = available
        self.needed = needed
        super().__init__(f"campaign {campaign} needs {needed}, its fund's reserve has {available}")


class BudgetExceeded(CampaignsError):
    """Programmes and campaigns together would issue more than the fund's budget. Nothing was issued."""

    code = "campaigns.budget-exceeded"

    def __init__(self, *, campaign: UUID, left: Amount, needed: Amount) -> None:
        self.campaign = campaign
        self.left = left
        self.needed = needed
        super().__init__(f"campaign {campaign} needs {needed}, its fund's budget has {left} left")


class CampaignOver(CampaignsError):
    """The campaign's last day has passed before its money was released."""

    code = "campaigns.over"

    def __init__(self, *, campaign: UUID, last_day: date) -> None:
        self.campaign = campaign
        self.last_day = last_day
        super().__init__(f"the last day of campaign {campaign} was {last_day.isoformat()}")


class CampaignNotSound(FindingsError, CampaignsError):
    """The campaign's terms cannot be meant; every finding stands with its place. Nothing was written."""

    code = "campaigns.not-sound"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
