"""The TOML files of a town folder: what they say, and everything that is wrong with them.

A setting's finding carries the line of the file as its row and the dotted name
of the setting as its column.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from stdnum.eu import nace
from stdnum.exceptions import ValidationError

from koinon.kernel.money import Unit
from koinon.kernel.text import fold
from koinon.pilots import townfolder_aid as aid
from koinon.pilots import townfolder_funds, townfolder_rewards
from koinon.pilots.townfolder_cells import (
    CellProblem,
    NumberNotKept,
    amount_minor,
    iban,
    tax_identifier,
    text,
    toml_fraction,
)
from koinon.pilots.townfolder_findings import Findings, did_you_mean
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_limits import LARGEST_SETTINGS, MOST_DOTS_IN_A_LINE
from koinon.pilots.townfolder_tables import Source
from koinon.pilots.townfolder_types import (
    ChangeSpec,
    FundSpec,
    LegalBasis,
    ProgrammeSpec,
    RewardSpec,
    RuleSpec,
    Terms,
    TimeBankSpec,
    TownSpec,
    ZoneSpec,
)
from koinon.programmes.approvals import MOST_PEOPLE, Step
from koinon.programmes.spending import parse_share

TOWN_FILE = "town.toml"
MAY_BE_MISSING = frozenset({"statuses"})
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LEGAL_FORMS = (
    "self-employed",
    "civil-partnership",
    "limited-company",
    "public-limited-company",
    "worker-owned-company",
    "cooperative",
    "mutual",
    "association",
    "foundation",
    "special-employment-centre",
    "insertion-company",
    "public-body",
    "other",
)
# Directive-free common ground of the national social economy laws, such as Ley 5/2011 (Spain) art. 5.
SSE_LEGAL_FORMS = frozenset(
    {
        "worker-owned-company",
        "cooperative",
        "mutual",
        "association",
        "foundation",
        "special-employment-centre",
        "insertion-company",
    }
)
SECTOR_GROUPS = (
    "food",
    "hospitality",
    "clothing",
    "health",
    "personal_care",
    "household",
    "culture",
    "education",
    "services",
    "other",
)
# The longest prefix of the NACE class decides; docs/reference/town-folder.md shows the table.
_PREFIXES_OF_GROUP = {
    "food": "01 03 10 11 4617 463 4711 472",
    "hospitality": "55 56",
    "clothing": "13 14 15 4616 4641 4642 4751 4771 4772",
    "health": "21 4646 4773 4774 86",
    "personal_care": "4645 4775 87 88 962 9602 9604",
    "household": "31 43 464 4615 4684 4740 475 4776 4778 4779",
    "culture": "18 58 59 476 90 91 93",
    "education": "85",
    "services": "33 37 38 39 45 49 53 62 69 77 78 79 81 82 94 95 96",
    "other": "4635 4726",
}
_GROUP_OF_PREFIX = {prefix: group for group, prefixes in _PREFIXES_OF_GROUP.items() for prefix in prefixes.split()}
NACE_REVISIONS = ("2.0", "2.1")


def sector_group(sector: str) -> str:
    """The group of a NACE class, for rules and figures that are about more than one class.

    >>> sector_group("47.21"), sector_group("47.26"), sector_group("96.21"), sector_group("46.71")
    ('food', 'other', 'personal_care', 'other')
    """
    digits = sector.replace(".", "")
    prefixes = [digits[:length] for length in range(len(digits), 1, -1)]
    return next((_GROUP_OF_PREFIX[prefix] for prefix in prefixes if prefix in _GROUP_OF_PREFIX), "other")


def nace_class(words: str, revision: str) -> str:
    """A NACE code in its one spelling; ``CellProblem`` where the revision has no such code.

    >>> nace_class("4721", "2.1"), nace_class("47.21 ", "2.1")
    ('47.21', '47.21')
    """
    try:
        return str(nace.format(nace.validate(words, revision=revision)))
    except ValidationError:
        raise CellProblem(
            "town.sector-unknown",
            _('"%(written)s" is no class of NACE Rev. %(revision)s.', written=words[:24], revision=revision),
        ) from None


_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*(?:"([^"]+)"|'([^']+)'|([\w\-.]+))\s*=""")
_UNQUOTED_KEY = re.compile(r"""^\s*[^"'=#\[\]]*[^\x00-\x7f"'=#\[\]][^"'=#\[\]]*=""")
# A whole string of any of TOML's four kinds, or whatever else stands before the next mark.
_SCALAR = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3,5}|'{3}.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}#\n]+""", re.DOTALL
)
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
Path_ = tuple[str | int, ...]


def lines_of(content: str) -> dict[Path_, int]:
    """The line on which each table and each setting of a TOML text begins.

    >>> lines_of("[[funds]]\\ncode = 1\\n[[funds]]\\ncode = 2")[("funds", 1, "code")]
    4
    >>> lines_of("any = [\\n {a = 1},\\n {b = {c = 'x, y'}, d = 2},\\n]")[("any", 1, "b", "c")]
    3
    """
    places: dict[Path_, int] = {(): 1}
    counts: dict[Path_, int] = {}
    here: Path_ = ()
    begins, until = 0, 0
    content = content.replace("\r\n", "\n")
    for number, line in enumerate(content.split("\n"), start=1):
        table = _TABLE.match(line) if number > until else None
        key = _KEY.match(line) if number > until else None
        if table:
            here = ()
            parts = [part.strip().strip("\"'") for part in table[2].split(".")]
            for depth, part in enumerate(parts):
                here = (*here, part)
                last = depth == len(parts) - 1
                if table[1] == "[[" and last:
                    counts[here] = counts.get(here, -1) + 1
                if here in counts:
                    here = (*here, counts[here])
                places.setdefault(here, number)
        elif key:
            path = (*here, *(key[1] or key[2] or key[3]).split("."))
            places.setdefault(path, number)
            until = _Within(content, places).whole(path, begins + key.end(), number)
        begins += len(line) + 1
    return places


class _Within:
    """Notes on which lines the entries of lists and inline tables stand. The text is TOML: it has been read before."""

    def __init__(self, content: str, places: dict[Path_, int]) -> None:
        self.content = content
        self.places = places

    def whole(self, path: Path_, at: int, line: int) -> int:
        """Note what stands within a setting's value; the line on which it ends."""
        try:
            return self.value(path, at, line)[1]
        except RecursionError:
            return line

    def value(self, path: Path_, at: int, line: int) -> tuple[int, int]:
        """Pass over the value that begins at or after ``at``; where it ends, and on which line."""
        at, line = self._blank(at, line)
        begins = self.content[at : at + 1]
        if begins == "[":
            return self._list(path, at + 1, line)
        if begins == "{":
            return self._table(path, at + 1, line)
        ends = _SCALAR.match(self.content, at)
        end = ends.end() if ends else at + 1
        return end, line + self.content.count("\n", at, end)

    def _list(self, path: Path_, at: int, line: int) -> tuple[int, int]:
        place = 0
        while True:
            at, line = self._blank(at, line)
            if self.content[at : at + 1] in ("]", ""):
                return at + 1, line
            self.places.setdefault((*path, place), line)
            at, line = self._comma(*self.value((*path, place), at, line))
            place += 1

    def _table(self, path: Path_, at: int, line: int) -> tuple[int, int]:
        while True:
            at, line = self._blank(at, line)
            key = _KEY.match(self.content[at : at + 200])
            if self.content[at : at + 1] in ("}", "") or key is None:
                return at + 1, line
            own = (*path, *(key[1] or key[2] or key[3]).split("."))
            self.places.setdefault(own, line)
            at, line = self._comma(*self.value(own, at + key.end(), line))

    def _comma(self, at: int, line: int) -> tuple[int, int]:
        at, line = self._blank(at, line)
        return (at + 1, line) if self.content[at : at + 1] == "," else (at, line)

    def _blank(self, at: int, line: int) -> tuple[int, int]:
        found = _BLANK.match(self.content, at)
        end = found.end() if found else at
        return end, line + self.content.count("\n", at, end)


@dataclass(slots=True)
class Section:
    """One table of a TOML file, asked setting by setting; what nobody asked for is unknown."""

    file: str
    values: Mapping[str, Any]
    findings: Findings
    lines: Mapping[Path_, int]
    path: Path_ = ()
    asked: set[str] = field(default_factory=set)

    def problem(self, key: str, code: str, message: str, remedy: str = "") -> None:
        # A table written within a line has no line of its own; what holds it has one.
        _file, at = self.place(key)
        names = [part for part in (*self.path, key) if isinstance(part, str) and part]
        self.findings.add(code, message, file=self.file, row=at, column=".".join(names), remedy=remedy)

    def place(self, key: str) -> tuple[str, int]:
        """The file and the line of a setting, or of the table it would stand in."""
        places = [(*self.path, key), *(self.path[:depth] for depth in range(len(self.path), 0, -1))]
        return self.file, next((line for place in places if (line := self.lines.get(place))), 0)

    def within(self, key: str, path: Path_, code: str, message: str) -> None:
        """A problem somewhere within a setting: a list or table that somebody else reads."""
        whole = (*self.path, key, *path)
        places = (self.lines.get(whole[:length]) for length in range(len(whole), 0, -1))
        names = [part for part in (*self.path, key) if isinstance(part, str)]
        inner = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
        column = ".".join(names) + inner
        self.findings.add(code, message, file=self.file, row=next((at for at in places if at), 0), column=column)

    def _value(self, key: str, required: bool) -> Any:
        self.asked.add(key)
        value = self.values.get(key)
        if value is None or value == "":
            if required:
                self.problem(key, "town.setting-missing", _("`%(name)s` is not set.", name=key))
            return None
        return value

    def _invalid(self, key: str, message: str) -> None:
        self.problem(key, "town.setting-invalid", message)

    def text(self, key: str, *, required: bool = True, default: str = "", most: int = 200, like: str = "") -> str:
        value = self._value(key, required)
        if value is None:
            return default
        if not isinstance(value, str | int) or isinstance(value, bool):
            self._invalid(key, _("A text is expected here."))
            return default
        words = text(value)
        if len(words) > most:
            self._invalid(key, _("A text of at most %(most)s letters is expected here.", most=most))
        elif like and not re.fullmatch(like, words):
            self._invalid(key, _("A value of the form %(form)s is expected here.", form=like))
        return words

    def choice(self, key: str, options: tuple[str, ...], default: str) -> str:
        value = self.text(key, required=False, default=default)
        if value not in (*options, default):
            self.problem(
                key,
                "town.setting-invalid",
                _not_one_of(value, options),
            )
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key, required=False)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._invalid(key, _('A list of texts is expected here, such as ["a", "b"].'))
            return ()
        return tuple(text(item) for item in value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._value(key, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._invalid(key, _("true or false is expected here."))
            return default
        return value

    def whole(self, key: str, default: int, most: int) -> int:
        value = self._value(key, required=False)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self._invalid(key, _("A whole number from 0 to %(most)s is expected here.", most=most))
            return default
        return value

    def day(self, key: str) -> date | None:
        value = self._value(key, required=False)
        if value is None:
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            self._invalid(key, _("A day is expected here, such as 2026-12-31, without quotes."))
            return None
        return value

    def amount(self, key: str, exponent: int, *, required: bool = True) -> int | None:
        value = self._value(key, required)
        if value is None:
            return None
        try:
            minor = amount_minor(value if isinstance(value, str | int | Decimal) else str(value), exponent=exponent)
        except CellProblem as problem:
            self.problem(key, problem.code, problem.why)
            return None
        if minor < 0:
            self.problem(key, "town.amount-negative", _("The amount is less than zero."))
            return None
        return minor

    def share(self, key: str, *, required: bool = True) -> Fraction | None:
        value = self._value(key, required)
        if value is None:
            return None
        share = parse_share(value)
        if share is None:
            self._invalid(key, _('A share above 0 and up to 1 is expected here, such as "1/4".'))
            return None
        return share

    def section(self, key: str, *, required: bool = True) -> Section:
        value = self._value(key, required)
        if value is not None and not isinstance(value, dict):
            self._invalid(key, _("A table is expected here, such as %(table)s.", table=f"[{key}]"))
            value = None
        return Section(self.file, value or {}, self.findings, self.lines, (*self.path, key))

    def sections(self, key: str) -> list[Section]:
        value = self._value(key, required=False)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._invalid(key, _("A list of tables is expected here, such as %(table)s.", table=f"[[{key}]]"))
            return []
        return [
            Section(self.file, item, self.findings, self.lines, (*self.path, key, number))
            for number, item in enumerate(value)
        ]

    def finish(self) -> None:
        """Report every setting that nothing asked for."""
        for key in self.values:
            if key not in self.asked:
                self.problem(
                    key,
                    "town.setting-unknown",
                    _("There is no setting `%(name)s` here.", name=key) + self.findings.did_you_mean(key, self.asked),
                )


def _not_one_of(word: str, options: tuple[str, ...]) -> str:
    listed = ", ".join(options)
    return _('"%(written)s" is not one of: %(options)s.', written=word, options=listed) + did_you_mean(word, options)


def read_toml(folder: Path, file: str, findings: Findings) -> Section | None:
    """The root table of a TOML file, or None with a finding."""
    path = folder / file
    if not path.is_file():
        findings.add("town.file-missing", _('There is no file "%(file)s".', file=file), file=file)
        return None
    if path.stat().st_size > LARGEST_SETTINGS:
        findings.add(
            "town.file-too-large",
            _("Settings may have %(most)s kB.", most=LARGEST_SETTINGS // 1024),
            file=file,
        )
        return None
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        line = path.read_bytes()[: broken.start].count(b"\n") + 1
        findings.add("town.encoding-broken", _("The file is not written in UTF-8."), file=file, row=line)
        return None
    try:
        if any(line.count(".") > MOST_DOTS_IN_A_LINE for line in content.splitlines()):
            raise RecursionError
        values = tomllib.loads(content, parse_float=toml_fraction)
        if not _fits(values):
            raise ValueError("a number has more than 64 bits")
    except RecursionError:
        findings.add("town.toml-invalid", _("The file is nested too deeply."), file=file)
        return None
    except ValueError as broken:  # TOML that is none, or a number that is too long to be read.
        at = re.search(r"line (\d+)", str(broken))
        lines = content.splitlines()
        if isinstance(broken, NumberNotKept):
            number = next((row for row, line in enumerate(lines, 1) if broken.written in line), 0)
        else:
            number = int(at[1]) if at else 0
        written = lines[number - 1] if 0 < number <= len(lines) else ""
        remedy = _('Put the word before the "=" between quotes.') if _UNQUOTED_KEY.match(written) else ""
        findings.add(
            "town.toml-invalid",
            _("The line cannot be read: %(reason)s.", reason=str(broken)),
            file=file,
            row=number,
            remedy=remedy,
        )
        return None
    return Section(file, values, findings, lines_of(content))


def _fits(value: Any) -> bool:
    """Whether every whole number in it is one that TOML promises to keep."""
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@dataclass(frozen=True, slots=True)
class TableSettings:
    """How one table is read: its file, its headings, the meaning of its words."""

    source: Source
    columns: dict[str, str]
    values: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class TownSettings:
    """What town.toml says."""

    town: TownSpec
    zones: tuple[ZoneSpec, ...]
    chains_accepted: bool
    nace_revision: str
    tables: dict[str, TableSettings]


@dataclass(frozen=True, slots=True)
class AwardTable:
    """The file of awards that belongs to a programme."""

    programme: str
    settings: TableSettings
    fields: Mapping[str, bool]


@dataclass(slots=True)
class Policies:
    """What the programme files and rewards.toml say, together."""

    funds: list[FundSpec] = field(default_factory=list)
    programmes: list[ProgrammeSpec] = field(default_factory=list)
    rewards: list[RewardSpec] = field(default_factory=list)
    time_banks: list[TimeBankSpec] = field(default_factory=list)
    award_tables: list[AwardTable] = field(default_factory=list)


def zone_finder(zones: tuple[ZoneSpec, ...]) -> dict[str, str]:
    """The code of a zone by its folded code, name and other spellings."""
    return {fold(word): zone.code for zone in zones for word in (*zone.also, zone.name, zone.code)}


def read_table_settings(
    section: Section, fields: Mapping[str, bool], meanings: Mapping[str, tuple[str, ...]], *, within: str = ""
) -> TableSettings | None:
    """A table's settings; ``fields`` says of each field whether it is required, ``meanings`` what its words may mean."""
    columns = section.section("columns")
    headings: dict[str, str] = {}
    for name, required in fields.items():
        heading = columns.text(name, required=required)
        if heading:
            headings[name] = heading
    columns.finish()
    values = section.section("values", required=False)
    words: dict[str, dict[str, str]] = {}
    for name, known in meanings.items():
        table = values.section(name, required=False)
        words[name] = {}
        for word in table.values:
            meaning = table.text(word, most=20 if not known else 200)
            if known and meaning not in known:
                table.problem(
                    word,
                    "town.setting-invalid",
                    _not_one_of(meaning, known),
                )
            else:
                words[name][fold(word)] = meaning
    values.finish()
    file = section.text("file")
    if file and (Path(file).is_absolute() or ".." in Path(file).parts):
        section.problem("file", "town.setting-invalid", _("The file lies outside the folder."))
        file = ""
    source = Source(
        file=f"{within}{file}",
        sheet=section.text("sheet", required=False) or None,
        encoding=section.text("encoding", required=False) or None,
        separator=section.values.get("separator") or None,
        ignore_rows=section.texts("ignore_rows"),
    )
    section.asked.add("separator")
    if source.separator is not None and source.separator not in (";", ",", "\t", "|"):
        section.problem("separator", "town.setting-invalid", _('The separator is not ";", ",", "|" or a tab.'))
        source = Source(source.file, source.sheet, source.encoding, None, source.ignore_rows)
    section.finish()
    return TableSettings(source, headings, words) if file else None


def read_town(
    root: Section, tables: Mapping[str, tuple[Mapping[str, bool], Mapping[str, tuple[str, ...]]]]
) -> TownSettings:
    """The town and how its files are read. ``tables`` gives the fields and word meanings of each file."""
    section = root.section("town")
    unit_section = root.section("unit")
    exponent = unit_section.whole("exponent", default=2, most=4)
    country = section.text("country", like="[A-Za-z]{2}").upper()
    unit = Unit(
        unit_section.text("code", like="[A-Z][A-Z0-9]{1,11}"),
        exponent,
        unit_section.text("name", most=60),
        unit_section.text("symbol", required=False, most=8),
    )
    currency = unit_section.text("at_par_with", like="[A-Z]{3}")
    unit_section.finish()
    zones = _read_zones(root)
    terms_section = root.section("terms")
    terms = Terms(
        minimum_redemption_minor=terms_section.amount("minimum_redemption", exponent) or 0,
        payout_weekday=terms_section.choice("payout_weekday", WEEKDAYS, ""),
    )
    chains_accepted = terms_section.flag("chains_accepted")
    terms_section.finish()
    time_zone = section.text("time_zone")
    if time_zone:
        try:
            ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError):
            section.problem("time_zone", "town.setting-invalid", _('There is no time zone "%(name)s".', name=time_zone))
    town = TownSpec(
        slug=section.text("slug", like="[a-z0-9][a-z0-9-]{0,49}"),
        name=section.text("name", most=120),
        country=country,
        time_zone=time_zone,
        languages=_read_languages(section),
        unit=unit,
        national_currency=currency,
        tax_id=_checked(section, "tax_id", lambda words: tax_identifier(words, country=country)),
        iban=_checked(section, "iban", iban),
        account_holder=section.text("account_holder"),
        legal_basis=tuple(_read_legal_basis(item) for item in root.sections("legal_basis")),
        terms=terms,
    )
    nace_revision = section.choice("nace_revision", NACE_REVISIONS, "2.1")
    section.finish()
    files = root.section("files")
    table_settings: dict[str, TableSettings] = {}
    for name, (fields, meanings) in tables.items():
        if name in MAY_BE_MISSING and name not in files.values:
            files.asked.add(name)
            continue
        settings = read_table_settings(files.section(name), fields, meanings)
        if settings is not None:
            table_settings[name] = settings
    called = _called(files, "households", "income_band")
    files.finish()
    root.finish()
    return TownSettings(replace(town, income_bands=called), zones, chains_accepted, nace_revision, table_settings)


def _called(files: Section, table: str, field: str) -> tuple[tuple[str, str], ...]:
    """Each meaning of a field with the word that the town's list has for it, the first where there are several."""
    inner: Any = files.values
    for name in (table, "values", field):
        inner = inner.get(name, {}) if isinstance(inner, Mapping) else {}
    words: dict[str, str] = {}
    for word, meaning in inner.items() if isinstance(inner, Mapping) else ():
        words.setdefault(str(meaning), str(word))
    return tuple(sorted(words.items()))


def _read_languages(section: Section) -> tuple[str, ...]:
    languages = section.texts("languages")
    if not languages and "languages" not in section.values:
        section.problem("languages", "town.setting-missing", _("`%(name)s` is not set.", name="languages"))
    for tag in languages:
        if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
            section.problem(
                "languages",
                "town.setting-invalid",
                _('"%(written)s" is no language tag, such as "ca".', written=tag[:24]),
            )
    return languages


def _checked(section: Section, key: str, check: Any) -> str:
    words = section.text(key)
    if not words:
        return ""
    try:
        return str(check(words))
    except CellProblem as problem:
        section.problem(key, problem.code, problem.why)
        return ""


def _read_zones(root: Section) -> tuple[ZoneSpec, ...]:
    zones: list[ZoneSpec] = []
    seen: set[str] = set()
    for section in root.sections("zones"):
        zone = ZoneSpec(section.text("code", most=40), section.text("name", most=120), section.texts("also"))
        section.finish()
        if zone.code in seen:
            section.problem(
                "code", "town.code-twice", _('Two neighbourhoods have the code "%(code)s".', code=zone.code)
            )
        seen.add(zone.code)
        zones.append(zone)
    if not zones:
        root.problem("zones", "town.setting-missing", _("The town has no neighbourhoods: write [[zones]] tables."))
    return tuple(zones)


def _read_legal_basis(section: Section) -> LegalBasis:
    basis = LegalBasis(
        act=section.text("act"),
        article=section.text("article", required=False),
        allows=section.text("allows"),
        since=section.day("since"),
        until=section.day("until"),
        link=section.text("link", required=False),
    )
    if basis.since and basis.until and basis.until < basis.since:
        section.problem(
            "until", "town.dates-reversed", _("`%(last)s` comes before `%(first)s`.", last="until", first="since")
        )
    section.finish()
    return basis


def read_policies(
    folder: Path,
    town: TownSettings,
    findings: Findings,
    award_fields: Mapping[str, bool],
) -> Policies:
    """Every programmes/*.toml and rewards.toml; a fund may be defined in one and named in another."""
    policies = Policies()
    files = sorted(f"programmes/{path.name}" for path in (folder / "programmes").glob("*.toml"))
    if not files:
        findings.add(
            "town.file-missing", _('There is no file "%(file)s".', file="programmes/*.toml"), file="programmes"
        )
    if (folder / "rewards.toml").is_file():
        files.append("rewards.toml")
    roots = [root for file in files if (root := read_toml(folder, file, findings)) is not None]
    _read_all(roots, town, policies, award_fields)
    return policies


def read_policy(file: Path, town: TownSettings, findings: Findings, funds: Collection[str]) -> Policies:
    """Funds, their rules and programmes of one file, for a town that has ``funds`` already; awards come as lists."""
    policies = Policies()
    root = read_toml(file.parent, file.name, findings)
    if root is not None:
        _read_all([root], town, policies, None, frozenset(funds))
    return policies


def _read_all(
    roots: list[Section],
    town: TownSettings,
    policies: Policies,
    award_fields: Mapping[str, bool] | None,
    funds: frozenset[str] = frozenset(),
) -> None:
    rules = _read_rules(roots, town)
    seen: set[str] = set()
    exponent = town.town.unit.exponent
    for root in roots:
        for section in root.sections("funds"):
            _read_fund(section, rules, seen, exponent, policies)
    known = funds | {fund.code for fund in policies.funds}
    for section, code in rules.named:
        if code not in known:
            section.problem(
                "fund",
                "town.fund-unknown",
                _('No fund has the code "%(code)s".', code=code) + section.findings.did_you_mean(code, known),
            )
        elif code in funds - {fund.code for fund in policies.funds}:
            section.problem("fund", "town.rule-forward-only", _("This fund is there: announce the change on its page."))
    for root in roots:
        for section in root.sections("programmes"):
            _read_programme(section, known, seen, town, policies, award_fields)
        if award_fields is None:
            root.finish()
            continue
        for section in root.sections("time_banks"):
            code = _own_code(section, seen)
            bank = townfolder_rewards.time_bank(section, code=code)
            if bank.unit in {town.town.unit.code, *(one.unit for one in policies.time_banks)}:
                section.problem("unit", "town.code-twice", _('The code "%(code)s" is taken.', code=bank.unit))
            policies.time_banks.append(bank)
            section.finish()
        for section in root.sections("rewards"):
            _read_reward(section, known, seen, town, policies)
        root.finish()
    for root in roots:
        _check_time_banks(root, policies)


@dataclass(slots=True)
class _Rules:
    of_fund: dict[str, RuleSpec] = field(default_factory=dict)
    changes: dict[str, list[tuple[Section, ChangeSpec]]] = field(default_factory=dict)
    named: list[tuple[Section, str]] = field(default_factory=list)


def _read_rules(roots: list[Section], town: TownSettings) -> _Rules:
    rules = _Rules()
    for root in roots:
        for section in root.sections("rules"):
            section.asked.add("fund")
            fund = text(section.values.get("fund"))
            if not fund:
                section.problem("fund", "town.fund-missing", _("No fund is named."))
            else:
                rules.named.append((section, fund))
            rule = _read_rule(section, fund, town)
            if (change := townfolder_funds.change(section, rule)) is not None:
                rules.changes.setdefault(fund, []).append((section, change))
            elif fund in rules.of_fund:
                section.problem(
                    "fund", "town.rule-twice", _('The fund "%(code)s" has another rule already.', code=fund)
                )
            elif fund:
                rules.of_fund[fund] = rule
            section.finish()
    return rules


def _read_rule(section: Section, fund: str, town: TownSettings) -> RuleSpec:
    zones = _read_zone_codes(section, town)
    sectors: list[str] = []
    for word in section.texts("sectors"):
        if word in SECTOR_GROUPS:
            sectors.append(word)
            continue
        try:
            sectors.append(nace_class(word, town.nace_revision))
        except CellProblem:
            section.problem(
                "sectors",
                "town.sector-unknown",
                _(
                    '"%(written)s" is neither a NACE code nor one of: %(options)s.',
                    written=word,
                    options=", ".join(SECTOR_GROUPS),
                )
                + section.findings.did_you_mean(word, SECTOR_GROUPS),
            )
    forms: list[str] = []
    for word in section.texts("legal_forms"):
        if word in LEGAL_FORMS:
            forms.append(word)
        else:
            section.problem(
                "legal_forms",
                "town.setting-invalid",
                _not_one_of(word, LEGAL_FORMS),
            )
    per_day = section.amount("per_day", town.town.unit.exponent, required=False)
    if per_day == 0:
        section.problem("per_day", "town.setting-invalid", _("The amount must be above zero."))
    file, row = section.place("fund")
    return RuleSpec(
        fund=fund,
        file=file,
        row=row,
        **townfolder_funds.limits(section, exponent=town.town.unit.exponent, country=town.town.country),
        zones=zones or None,
        sectors=tuple(sectors) or None,
        legal_forms=tuple(forms) or None,
        sse_only=section.flag("sse_only"),
        exclude_chains=section.flag("exclude_chains"),
        share_of_price=section.share("share_of_price", required=False),
        per_day_minor=per_day,
        peers_allowed=section.flag("peers_allowed"),
    )


def _read_zone_codes(section: Section, town: TownSettings) -> tuple[str, ...]:
    finder = zone_finder(town.zones)
    zones: list[str] = []
    for word in section.texts("zones"):
        if fold(word) in finder:
            zones.append(finder[fold(word)])
        else:
            names = [zone.name for zone in town.zones]
            section.problem(
                "zones",
                "town.zone-unknown",
                _('The town has no neighbourhood "%(word)s".', word=word) + section.findings.did_you_mean(word, names),
            )
    return tuple(zones)


def _aid_words(town: TownSettings) -> aid.Words:
    """What the words of a rule may mean: those of the town's own lists."""
    households, statuses = town.tables.get("households"), town.tables.get("statuses")
    return aid.Words(
        zones=zone_finder(town.zones),
        zone_names=tuple(zone.name for zone in town.zones),
        income_bands=tuple(dict.fromkeys(households.values["income_band"].values())) if households else None,
        statuses=tuple(dict.fromkeys(statuses.values["status"].values())) if statuses else None,
        knows_residence=households is None or "resident_since" in households.columns,
        exponent=town.town.unit.exponent,
    )


def _aid(section: Section, key: str, town: TownSettings) -> tuple[Any, aid.TownReading]:
    """A table of a programme as it is written, and how to read it: every problem is a finding of this table."""
    section.asked.add(key)
    return section.values.get(key), aid.TownReading(
        _aid_words(town), lambda path, code, message: section.within(key, path, code, message)
    )


def _own_code(section: Section, seen: set[str]) -> str:
    code = section.text("code")
    if code in seen:
        section.problem("code", "town.code-twice", _('The code "%(code)s" is taken.', code=code))
    elif code and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", code):
        section.problem("code", "town.setting-invalid", _("A code is made of lower-case letters, digits and dashes."))
    seen.add(code)
    return code


def _known_fund(section: Section, known: frozenset[str]) -> str:
    section.asked.add("fund")
    fund = text(section.values.get("fund"))
    if not fund:
        section.problem("fund", "town.fund-missing", _("No fund is named."))
    elif fund not in known:
        section.problem(
            "fund",
            "town.fund-unknown",
            _('No fund has the code "%(code)s".', code=fund) + section.findings.did_you_mean(fund, known),
        )
    return fund


def _read_fund(section: Section, rules: _Rules, seen: set[str], exponent: int, policies: Policies) -> None:
    code = _own_code(section, seen)
    spend_from, last_day = section.day("spend_from"), section.day("last_day")
    if spend_from and last_day and last_day < spend_from:
        section.problem(
            "last_day",
            "town.dates-reversed",
            _("`%(last)s` comes before `%(first)s`.", last="last_day", first="spend_from"),
        )
    budget = section.amount("budget", exponent)
    notice_days, warn_days = townfolder_funds.notice(section)
    file, row = section.place("code")
    policies.funds.append(
        FundSpec(
            code=code,
            name=section.text("name", most=120),
            source=section.text("source", most=200),
            budget_minor=budget or 0,
            spend_from=spend_from,
            last_day=last_day,
            rule=rules.of_fund.get(code, RuleSpec(fund=code, file=file, row=row)),
            changes=townfolder_funds.in_order(code, rules.changes.get(code, [])),
            notice_days=notice_days,
            warn_days=warn_days,
            file=file,
            row=row,
        )
    )
    section.finish()


def _read_programme(
    section: Section,
    known: frozenset[str],
    seen: set[str],
    town: TownSettings,
    policies: Policies,
    award_fields: Mapping[str, bool] | None,
) -> None:
    eligibility = aid.eligibility(*_aid(section, "eligibility", town))
    amounts = aid.amounts(*_aid(section, "amounts", town))
    for_whom = section.choice("for", ("awards", "households"), "awards")
    if for_whom == "households" and amounts.needs_award and (award_fields is None or "awards" not in section.values):
        section.problem("for", "town.setting-invalid", _("Without awards, `amounts` must say how much aid there is."))
    programme = ProgrammeSpec(
        code=_own_code(section, seen),
        name=section.text("name", most=120),
        fund=_known_fund(section, known),
        share=section.share("share") or Fraction(1),
        floor_monthly_minor=section.amount("floor_monthly", town.town.unit.exponent, required=False) or 0,
        eligibility=eligibility,
        amounts=amounts,
        waiting=aid.waiting(*_aid(section, "waiting_list", town)),
        for_whom=for_whom,
        holds_duplicates=section.flag("hold_duplicates"),
        approvals=_read_approvals(section, town.town.unit.exponent),
    )
    policies.programmes.append(programme)
    if award_fields is not None and (for_whom == "awards" or "awards" in section.values):
        fields = award_fields if amounts.needs_award else {**award_fields, "monthly": False}
        settings = read_table_settings(section.section("awards"), fields, {}, within="programmes/")
        if settings is not None:
            policies.award_tables.append(AwardTable(programme.code, settings, fields))
    section.finish()


def _read_approvals(section: Section, exponent: int) -> tuple[Step, ...]:
    """How many people approve a month, by its total; no step may begin where another one does."""
    steps: dict[int, Step] = {}
    for one in section.sections("approvals"):
        begins, people = one.amount("from", exponent), one.whole("people", 0, MOST_PEOPLE)
        one.finish()
        if begins is None:
            continue
        if begins in steps:
            one.problem("from", "town.setting-invalid", _("Another step begins at this amount already."))
        if not people:
            one.problem(
                "people",
                "town.setting-invalid",
                _("Say how many people approve, from 1 to %(most)s.", most=MOST_PEOPLE),
            )
        else:
            steps[begins] = Step(begins, people)
    return tuple(steps[begins] for begins in sorted(steps))


def _read_reward(
    section: Section, known: frozenset[str], seen: set[str], town: TownSettings, policies: Policies
) -> None:
    code = _own_code(section, seen)
    earns_money = "time_bank" not in section.values and ("each" in section.values or "rates" in section.values)
    section.asked.add("fund")
    fund = _known_fund(section, known) if earns_money or "fund" in section.values else ""
    policies.rewards.append(
        townfolder_rewards.reward(
            section,
            code=code,
            fund=fund,
            spend_from=next((one.spend_from for one in policies.funds if one.code == fund), None),
            zones=_read_zone_codes(section, town),
            exponent=town.town.unit.exponent,
        )
    )
    section.finish()


def _check_time_banks(root: Section, policies: Policies) -> None:
    """Activities name time banks of the folder, and each bank has a unit of its own."""
    known = {bank.code for bank in policies.time_banks}
    for section in root.sections("rewards"):
        bank = text(section.values.get("time_bank"))
        if bank and bank not in known:
            section.problem(
                "time_bank",
                "town.setting-invalid",
                _('No time bank has the code "%(code)s".', code=bank) + section.findings.did_you_mean(bank, known),
            )
