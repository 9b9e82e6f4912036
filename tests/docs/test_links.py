"""What the pages point at is there: files, headings, pictures, tests, commands and their options."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from koinon.cli.main import app
from koinon.pilots import demo

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.joinpath("docs").rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
MAP = ROOT / "docs" / "README.md"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"(?:^|[\s`(\"'])koinon ((?:[a-z][a-z-]*)(?: [^`\n]*)?)")
TEST = re.compile(r"\btests/[\w/]+(?:\.py)?")
SOURCE = re.compile(r"\b(?:src/koinon|tools|towns)/[\w/.-]*\w")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_test_and_source_file_that_a_page_names_exists(page: Path) -> None:
    named = {*TEST.findall(text_of(page)), *SOURCE.findall(text_of(page))}

    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_page_can_be_reached_from_the_map() -> None:
    reached: set[Path] = set()
    waiting = [MAP, ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        for target in LINK.findall(FENCE.sub("", text_of(page))):
            path = target.partition("#")[0]
            if path.endswith(".md") and not path.startswith("http"):
                waiting.append((page.parent / path).resolve())

    lonely = sorted(map(name, set(ROOT.joinpath("docs").rglob("*.md")) - reached))
    assert lonely == [], "link these from docs/README.md"


# Commands


def commands() -> dict[str, set[str]]:
    """Every command of the CLI with its options."""
    found: dict[str, set[str]] = {}

    def walk(command: object, path: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        if inner is not None:
            for word, sub in inner.items():
                walk(sub, (*path, word))
        options = {opt for one in command.params for opt in one.opts if opt.startswith("-")}  # type: ignore[attr-defined]
        found[" ".join(path)] = {*options, "--help", "-h"}

    walk(typer.main.get_command(app), ())
    return found


COMMANDS = commands()


def named_commands(text: str) -> Iterator[str]:
    """``koinon ...`` as it stands in code letters or in a block, without what a shell does with it."""
    code = "\n".join([*FENCE.findall(text), *re.findall(r"`[^`\n]+`", FENCE.sub("", text))])
    for line in NAMED.findall(code):
        yield re.split(r"[|;>)#]| && | \|\| |\.\.\.|…", line)[0].strip()


def unknown(said: str) -> list[str]:
    """What of a command line the CLI does not know."""
    try:
        words = shlex.split(said)
    except ValueError:
        words = said.split()
    path: list[str] = []
    for word in words:
        if " ".join([*path, word]) not in COMMANDS:
            break
        path.append(word)
    if not path:
        return [said]
    known = COMMANDS[" ".join(path)]
    return [f"{' '.join(path)} {word}" for word in words if word.startswith("--") and word.split("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    assert [what for said in named_commands(text_of(page)) for what in unknown(said)] == []


def test_every_command_has_its_line_in_the_reference() -> None:
    text = text_of(ROOT / "docs" / "reference" / "commands.md")
    groups = {path.rsplit(" ", 1)[0] for path in COMMANDS if " " in path}

    described = {path for path in COMMANDS if re.search(rf"^\| `koinon {re.escape(path)}[ `]", text, re.MULTILINE)}

    assert sorted(COMMANDS.keys() - groups - {""} - described) == []


def test_every_setting_that_the_code_reads_is_described() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in ROOT.joinpath("src").rglob("*.py"))
    described = set(re.findall(r"^\| `(KOINON_\w+)`", text_of(ROOT / "docs/reference/settings.md"), re.MULTILINE))

    assert described == set(re.findall(r"\bKOINON_[A-Z_]+\b", code))


def test_the_reference_describes_the_demonstrations_document() -> None:
    section = text_of(ROOT / "docs/reference/commands.md").split("## The document of")[1]
    described = {
        key for line in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", line)
    }
    method = inspect.getsource(demo.Summary.as_json)

    assert described == set(re.findall(r'^            "(\w+)":', method, re.MULTILINE))
