"""Every setting is described on its page, and the page describes nothing else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTING = re.compile(r"\bKOINON_[A-Z][A-Z_]*\b")


def test_every_setting_the_code_reads_is_on_the_page_of_settings() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in sorted(ROOT.joinpath("src").rglob("*.py")))
    page = ROOT.joinpath("docs", "reference", "settings.md").read_text(encoding="utf-8")
    assert set(SETTING.findall(code)) == set(SETTING.findall(page))
