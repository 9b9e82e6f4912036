"""``koinon fund``: what a fund's money may buy and until when, changes of it, and what goes back after the last day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import counted, speaking, written
from koinon.kernel.errors import FindingsError
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.programmes.funds import FundTotals, FundVersionView
    from koinon.programmes.spending import SpendingRule
    from koinon.programmes.types import FundView

app = typer.Typer(help="Look at funds, announce what changes, take back what was not spent.", no_args_is_help=True)

LISTS = ("payees", "except_payees", "zones", "sectors", "legal_forms", "sizes", "categories", "hours")
FLAGS = ("sse_only", "exclude_chains", "peers_allowed", "peers_bound", "chain")
AMOUNTS = {"per_day": "per_day_minor", "per_cycle": "per_cycle_minor"}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-12-31") from None


def _setting(text: str) -> str:
    name, sign, _value = text.partition("=")
    if not sign or name not in {*LISTS, *FLAGS, *AMOUNTS, "share_of_price"}:
        known = ", ".join([*LISTS, *FLAGS, *AMOUNTS, "share_of_price"])
        raise typer.BadParameter(f"write NAME=VALUE, with one of these names: {known}")
    return text


FundOption = Annotated[str, typer.Option("--fund", metavar="CODE", help="Code of the fund.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; nothing about a person.")]


@app.callback()
def fund() -> None:
    """Look at funds, announce what changes, take back what was not spent."""


@app.command("list")
def list_funds(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Show every fund: what holds today, and where its units are."""
    from koinon.db.transactions import transaction
    from koinon.programmes import funds, queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            ours = queries.funds(conn, town_id=facts.id)
            totals_of = funds.totals_of(conn, town_id=facts.id, fund_ids=[one.id for one in ours])
        found = [(one, totals_of[one.id]) for one in ours]
        today = datetime.now(UTC).astimezone(facts.zone).date()

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            figures = ("issued", "spent", "held", "left", "swept")
            table = plain_table("fund", "until", *figures, right=figures)
            for one, totals in found:
                minors = (
                    totals.issued_minor,
                    totals.spent_minor,
                    totals.held_minor,
                    totals.left_minor,
                    totals.swept_minor,
                )
                last = one.on(today).last_day
                table.add_row(
                    one.code,
                    f"{last}" if last else "no end",
                    *(written(Amount(minor, facts.unit_code)) for minor in minors),
                )
            console.print(table)

        content = {"town": facts.slug, "funds": [_as_json(one, totals, today) for one, totals in found]}
        out.document(content, show)


@app.command("show")
def show_fund(
    code: FundOption, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Show what a fund's money may buy, since when, what was announced, and who was told."""
    from koinon.db.transactions import transaction
    from koinon.programmes import funds, queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.fund_by_code(conn, town_id=facts.id, code=code)
            of: dict[str, Any] = {"town_id": facts.id, "fund_id": found.id}
            totals, versions, notices = funds.totals(conn, **of), funds.versions(conn, **of), funds.notices(conn, **of)
        today = datetime.now(UTC).astimezone(facts.zone).date()

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("from", "until", "rule", "announced")
            table.add_row("the beginning", _until(found.last_day), _rule(found.rule, facts), "")
            for one in versions:
                state = "taken back" if one.withdrawn_at else f"{one.announced_at.astimezone(facts.zone):%Y-%m-%d}"
                table.add_row(f"{one.from_day}", _until(one.last_day), _rule(one.rule, facts), f"{state}: {one.reason}")
            console.print(table)
            for notice in notices:
                console.print(
                    f"{notice.told_at.astimezone(facts.zone):%Y-%m-%d}: {notice.purses} holders of "
                    f"{written(Amount(notice.minor, facts.unit_code))} were told, {notice.what} {notice.day}",
                    markup=False,
                )

        content = _as_json(found, totals, today) | {
            "town": facts.slug,
            "versions": [_version(one) for one in versions],
            "notices": [asdict(notice) for notice in notices],
        }
        out.document(content, show)


@app.command("announce")
def announce(
    code: FundOption,
    from_day: Annotated[date, typer.Option("--from", metavar="DAY", parser=_day, help="First local day it holds on.")],
    reason: ReasonOption,
    actor: ActorOption,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", callback=lambda some: [_setting(one) for one in some or []],
            help="What changes, such as share_of_price=1/2, per_day=20.00, sectors=food,47.2, "
            "hours='mon-fri 08:00-20:00;sat 09:00-14:00', chain=true; repeat for several, and leave VALUE empty for no limit.",
        ),
    ] = [],  # noqa: B006  Typer makes its own.
    last_day: Annotated[
        str, typer.Option("--last-day", metavar="DAY", help="A new last day, or “none”; else it stays as it is.")
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:  # fmt: skip
    """Announce what will hold for a fund's money from a later day on; whoever has some of it is told."""
    from koinon.db.transactions import transaction
    from koinon.programmes import funds, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.fund_by_code(conn, town_id=facts.id, code=code)
            newest = found.versions[-1]
            rule, findings = funds.checked_rule(
                conn, town_id=facts.id, written=_changed(newest.rule.as_json(), settings, facts), table="--set"
            )
            if findings:
                raise FindingsError(findings)
            until = newest.last_day if not last_day else None if last_day == "none" else _day(last_day)
            change = funds.announce_change(
                conn, town_id=facts.id, fund_id=found.id, from_day=from_day, rule=rule, last_day=until, reason=reason,
                actor=who, now=datetime.now(UTC),
            )  # fmt: skip
        out.document(
            {"town": facts.slug, "fund": code, "change": _version(change)},
            lambda console: console.print(
                f"From {change.from_day} on {code} is good until {_until(change.last_day)} for {_rule(change.rule, facts)}.",
                markup=False,
            ),
        )


@app.command("withdraw")
def withdraw(
    code: FundOption,
    from_day: Annotated[date, typer.Option("--from", metavar="DAY", parser=_day, help="First day of the change.")],
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take an announced change back before its first day; whoever was told is told so."""
    from koinon.db.transactions import transaction
    from koinon.programmes import funds, queries
    from koinon.programmes.errors import ChangeNotFound

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.fund_by_code(conn, town_id=facts.id, code=code)
            known = funds.versions(conn, town_id=facts.id, fund_id=found.id)
            change = next((one for one in reversed(known) if one.from_day == from_day), None)
            if change is None:
                raise ChangeNotFound(change=f"from {from_day}")
            change = funds.withdraw_change(
                conn, town_id=facts.id, fund_id=found.id, version_id=change.id, reason=reason, actor=who,
                now=datetime.now(UTC),
            )  # fmt: skip
        out.document(
            {"town": facts.slug, "fund": code, "change": _version(change)},
            lambda console: console.print(f"The change of {code} from {from_day} on was taken back.", markup=False),
        )


@app.command("notice")
def notice(
    code: FundOption,
    actor: ActorOption,
    change_days: Annotated[int, typer.Option("--change", min=1, max=365, help="Days before a change holds.")] = 14,
    end_days: Annotated[int, typer.Option("--end", min=1, max=365, help="Days before the last day.")] = 14,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say how long before a change it is announced, and how long before the last day people are told."""
    from koinon.db.transactions import transaction
    from koinon.programmes import funds, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.fund_by_code(conn, town_id=facts.id, code=code)
            found = funds.set_notice(
                conn, town_id=facts.id, fund_id=found.id, notice_days=change_days, warn_days=end_days, actor=who,
                now=datetime.now(UTC),
            )  # fmt: skip
        out.document(
            {"town": facts.slug, "fund": code, "change_days": found.notice_days, "end_days": found.warn_days},
            lambda console: console.print(
                f"Changes of {code} are announced {counted(found.notice_days, 'day')} before; "
                f"people are told {counted(found.warn_days, 'day')} before its last day.",
                markup=False,
            ),
        )


@app.command("sweep")
def sweep(
    code: Annotated[str, typer.Option("--fund", metavar="CODE", help="Code of the fund whose last day is over.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Return unspent aid to the fund's reserve, once its last day is over. The site does so by itself every day.

    What shops were paid and could only pay on becomes free.
    """
    from koinon.db.transactions import transaction
    from koinon.programmes import operations, queries, sweeping

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        now = datetime.now(UTC)
        with transaction(conn):
            found = queries.fund_by_code(conn, town_id=facts.id, code=code)
            swept = operations.sweep_fund(conn, town_id=facts.id, fund_id=found.id, actor=who, now=now)
        freed, more = 0, True
        while more:
            with transaction(conn):
                part = sweeping.unbind(conn, town_id=facts.id, fund_id=found.id, actor=who, now=now)
            freed, more = freed + part.minor, part.more
        back = written(Amount(swept.minor, facts.unit_code))
        told = f"{back} from {swept.purses} purses went back to {code}."
        if freed:
            told += f" {written(Amount(freed, facts.unit_code))} in tills became free."
        out.document(
            {"town": facts.slug, "fund": code, "purses": swept.purses, "swept": swept.minor, "unbound": freed},
            lambda console: console.print(told, markup=False),
        )


def _changed(kept: dict[str, Any], settings: list[str], town: TownFacts) -> Mapping[str, Any]:
    """A rule as its record keeps it, with what was set on the command line."""
    from koinon.cli.budget import amount_of

    for setting in settings:
        name, _, value = setting.partition("=")
        key = AMOUNTS.get(name, name)
        kept.pop(key, None)
        if not value:
            continue
        if name in LISTS:
            parts = value.split(";") if name == "hours" else value.split(",")
            kept[key] = [part.strip() for part in parts if part.strip()]
        elif name in AMOUNTS:
            kept[key] = amount_of(value, town).minor
        elif name in FLAGS:
            kept[key] = {"true": True, "false": False}.get(value, value)
        else:
            kept[key] = value
    return kept


def _rule(rule: SpendingRule, town: TownFacts) -> str:
    """A rule on one line."""
    amounts = {kept: name for name, kept in AMOUNTS.items()}
    said = []
    for name, value in rule.as_json().items():
        if name in amounts:
            said.append(f"{amounts[name]} {written(Amount(value, town.unit_code))}")
        elif isinstance(value, list):
            said.append(f"{name} {', '.join(value)}")
        else:
            said.append(name if value is True else f"{name} {value}")
    return "; ".join(said) or "any till"


def _until(last_day: date | None) -> str:
    return last_day.isoformat() if last_day else "no end"


def _version(one: FundVersionView) -> dict[str, Any]:
    kept: dict[str, Any] = {name: value for name, value in asdict(one).items() if name not in ("rule_json", "fund_id")}
    return kept | {"rule": one.rule.as_json()}


def _as_json(one: FundView, totals: FundTotals, today: date) -> dict[str, Any]:
    held = one.on(today)
    figures = {
        name.removesuffix("_minor"): value for name, value in asdict(totals).items() if name != "fund_id"
    }  # fmt: skip
    return {
        "code": one.code,
        "name": one.name,
        "rule": held.rule.as_json(),
        "last_day": held.last_day,
        "spend_from": one.spend_from,
        **figures,
        "spent": totals.spent_minor,
    }
