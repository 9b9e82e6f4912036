"""Every run-time dependency has its line in the decision about them, and none is under the GPL or AGPL alone."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "decisions" / "0008-what-we-depend-on.md"
ROW = re.compile(r"^\| ([a-z0-9][a-z0-9-]+) \| ([^|]+) \|", re.MULTILINE)
STRONG = re.compile(r"\bA?GPL|(?<!Lesser )General Public License|Affero")
OTHER = re.compile(r"MIT|BSD|Apache|Artistic|ISC|PSF|MPL|LGPL|Lesser General")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


def licences(name: str) -> list[str]:
    """What the installed metadata says: the expression where there is one, else the old fields."""
    metadata = distribution(name).metadata
    if expression := metadata.get("License-Expression"):
        return [part.strip(" ()") for part in expression.split(" OR ")]
    classified = [
        line.rsplit("::", 1)[1].strip() for line in metadata.get_all("Classifier") or [] if "License ::" in line
    ]
    told = (metadata.get("License") or "").strip()
    return classified + ([told] if told and "\n" not in told else [])


def installed_closure() -> set[str]:
    """Everything that comes with the declared dependencies on this machine."""
    found: set[str] = set()
    wanted = [(requirement.name, frozenset(requirement.extras)) for requirement in declared()]
    seen = set()
    while wanted:
        name, extras = wanted.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            described = distribution(name)
        except PackageNotFoundError:
            continue  # For another platform.
        found.add(normal(name))
        for line in described.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}
            ):
                wanted.append((requirement.name, frozenset(requirement.extras)))
    return found


def test_every_dependency_has_its_line_with_the_licence_that_is_installed() -> None:
    rows = {
        name: licence.strip() for name, licence in ROW.findall(PAGE.read_text(encoding="utf-8")) if name != "package"
    }

    assert sorted(rows) == sorted(normal(requirement.name) for requirement in declared())
    for name, licence in rows.items():
        told = " or ".join(licences(name))
        assert all(part in told for part in licence.split(" OR ")), (
            f"{name}: {told!r} installed, {licence!r} on the page"
        )


def test_no_package_that_runs_with_us_is_under_the_gpl_or_agpl_alone() -> None:
    strong = {
        name: told
        for name in sorted(installed_closure())
        if (told := licences(name)) and any(map(STRONG.search, told)) and not any(map(OTHER.search, told))
    }

    assert strong == {}


def test_every_package_says_its_licence() -> None:
    silent = [name for name in sorted(installed_closure()) if not licences(name) and name not in {"fido2", "xmlschema"}]

    assert silent == []
