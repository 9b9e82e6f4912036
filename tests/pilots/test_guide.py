"""The guide to preparing a town folder, followed to its end."""

from __future__ import annotations

import re
from pathlib import Path

from koinon.pilots import townfolder
from tests.pilots.small_town import findings
from tests.pilots.test_apply import Applying, applying, changed, secrets

__all__ = ["applying", "secrets"]  # fixtures
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "prepare-a-town-folder.md"
FILE = re.compile(r"^```\w+ (\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| (\S+) \| (\d+) \| (\S+) \| (town\.\S+) \|", re.MULTILINE)


def test_the_guide_leads_to_a_town(tmp_path: Path, applying: Applying) -> None:
    page = GUIDE.read_text(encoding="utf-8")
    for name, content in FILE.findall(page):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("cp1252" if name.endswith("agregados.csv") else "utf-8"))
    folder = tmp_path / "vila-nova"

    found = [(one.file, str(one.row), one.column, one.code) for one in findings(folder)]
    assert found == ROW.findall(page)

    awards = folder / "programmes" / "apoios.csv"
    awards.write_text(awards.read_text(encoding="utf-8").replace("1.200;", "1.200,00;"), encoding="utf-8")
    plan = townfolder.read(folder)
    assert plan.warnings == ()
    dry = applying(plan, dry_run=True)
    assert applying(plan).counts == dry.counts
    assert changed(dry) == {
        "town_new": 1,
        "zones_new": 2,
        "households_new": 2,
        "people_new": 3,
        "businesses_new": 2,
        "funds_new": 1,
        "programmes_new": 1,
        "awards_new": 2,
        "accounts_new": 6,
        "terms_new": 1,
    }
