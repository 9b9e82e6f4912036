"""Writing funds and programmes for a town that is there: the text of a ``programmes/*.toml``, and folders as a whole.

Both are looked at first; what is written is what was looked at, wholly or not at all.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.kernel.decisions import Severity
from koinon.kernel.errors import FindingsError
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.pilots import apply, lists, townfolder
from koinon.pilots.apply import Applied
from koinon.pilots.errors import OtherTown
from koinon.pilots.looking import Looked, looked, same_as_shown
from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_settings import TableSettings, TownSettings, read_policy
from koinon.pilots.townfolder_tables import Source
from koinon.pilots.townfolder_types import TownPlan
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.pilots"
FILE = "rules.toml"


def look(conn: Connection[Any], *, town: TownFacts, text: str, secrets: Secrets, at: datetime, actor: str) -> Looked:
    """Read funds and programmes and compare them with what is recorded; nothing is written."""
    try:
        plan = read(conn, town, text)
        applied = apply.apply_policies(conn, plan, at=at, actor=actor, dry_run=True, secrets=secrets)
    except FindingsError as refused:
        return Looked(tuple(refused.findings), None, "")
    return looked(plan, applied)


def take_in(
    conn: Connection[Any], *, town: TownFacts, text: str, shown: str, secrets: Secrets, at: datetime, actor: str
) -> Applied:
    """Write the funds and programmes that ``look`` showed; ``shown`` is its fingerprint.

    Refuses with ``FindingsError``, ``ChangedSincePreview`` and ``NothingToDo``.
    """
    plan = read(conn, town, text)
    same_as_shown(plan, apply.apply_policies(conn, plan, at=at, actor=actor, dry_run=True, secrets=secrets), shown)
    return apply.apply_policies(conn, plan, at=at, actor=actor, secrets=secrets)


def look_at_folder(
    conn: Connection[Any], *, town: TownFacts, folder: Path, secrets: Secrets, at: datetime, actor: str
) -> Looked:
    """Read a town folder and compare it with the town; nothing is written.

    Refuses with ``OtherTown`` and ``TownFixed``.
    """
    try:
        plan = _of(town, townfolder.read(folder))
        applied = apply.apply(conn, plan, at=at, actor=actor, accept_warnings=True, dry_run=True, secrets=secrets)
    except FindingsError as refused:
        return Looked(tuple(refused.findings), None, "")
    return looked(plan, applied)


def take_folder_in(
    conn: Connection[Any], *, town: TownFacts, folder: Path, shown: str, secrets: Secrets, at: datetime, actor: str
) -> Applied:
    """Bring the town up to date with the folder that ``look_at_folder`` showed, warnings and all.

    Refuses with ``FindingsError``, ``OtherTown``, ``TownFixed``, ``ChangedSincePreview`` and ``NothingToDo``.
    """
    plan = _of(town, townfolder.read(folder))
    told: dict[str, Any] = {"at": at, "actor": actor, "accept_warnings": True, "secrets": secrets}
    same_as_shown(plan, apply.apply(conn, plan, dry_run=True, **told), shown)
    return apply.apply(conn, plan, **told)


def _of(town: TownFacts, plan: TownPlan) -> TownPlan:
    if plan.town.slug != town.slug:
        raise OtherTown(town=town.slug, folder=plan.town.slug)
    return plan


def read(conn: Connection[Any], town: TownFacts, text: str) -> TownPlan:
    """The funds and programmes of a text, in the words of this town; ``FindingsError`` with every finding."""
    findings = Findings()
    settings = _settings(conn, town)
    known = {fund.code for fund in programmes.funds(conn, town_id=town.id)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_bytes(text.encode())
        found = read_policy(file, settings, findings, known)
    if not (found.funds or found.programmes or findings.found):
        findings.add("town.setting-missing", "There is neither a fund nor a programme in it.", file=FILE)
    if findings.of(Severity.ERROR):
        raise FindingsError(findings.in_order())
    return TownPlan(
        town=settings.town,
        zones=settings.zones,
        households=(),
        people=(),
        businesses=(),
        excluded=(),
        funds=tuple(found.funds),
        programmes=tuple(found.programmes),
        awards=(),
        rewards=(),
        warnings=findings.of(Severity.WARNING),
        sha256={FILE: hashlib.sha256(text.encode()).hexdigest()},
    )


@dataclass(frozen=True, slots=True)
class _Code:
    code: str


def _settings(conn: Connection[Any], town: TownFacts) -> TownSettings:
    """The town's own words for neighbourhoods, income bands and statuses, from its records."""
    tables: dict[str, TableSettings] = {}
    if bands := lists.bands(conn, town.id):
        known = {"income_band": {band: band for band in bands}}
        tables["households"] = TableSettings(Source(""), {"resident_since": ""}, known)
    if statuses := many(conn, statement(_PACKAGE, "list_statuses"), _Code, town_id=town.id):
        codes = {row.code: row.code for row in statuses}
        tables["statuses"] = TableSettings(Source(""), {}, {"status": codes})
    return lists.settings_of(conn, town, tables)
