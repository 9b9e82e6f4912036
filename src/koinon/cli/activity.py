"""``koinon activity``: what residents do, what it earns, and who saw it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.budget import amount_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking, written
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.coproduction.types import Activity, Contribution
    from koinon.parties.types import TownFacts

app = typer.Typer(
    help="Say what residents can do and what it earns; write down, verify, reject and undo what they did.",
    no_args_is_help=True,
)


class Counts(StrEnum):
    """What an activity counts."""

    HOUR = "hour"
    KILOGRAM = "kilogram"
    SESSION = "session"


class Within(StrEnum):
    """How long a cap counts."""

    DAY = "day"
    MONTH = "month"
    ACTIVITY = "activity"


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-12-31") from None


def id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter("this is no id") from None


CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="Code of the activity.")]
PartyArgument = Annotated[
    UUID, typer.Argument(metavar="PARTY", parser=id_of, help="Opaque id; koinon party find says it.")
]
ContributionArgument = Annotated[
    UUID, typer.Argument(metavar="CONTRIBUTION", parser=id_of, help="Id of the contribution.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="A few words, without anything about the person.")]
FromOption = Annotated[
    date, typer.Option("--from", metavar="DAY", parser=day_of, help="First local day on which it holds.")
]
StreamOption = Annotated[str, typer.Option("--stream", help="glass, paper, organic, ...; of kilograms.")]
SourceOption = Annotated[str, typer.Option("--source", help="The decision that says so.")]


def quantity_of(text: str, measure: str) -> int:
    from koinon.coproduction import rules
    from koinon.coproduction.types import Measure

    try:
        return rules.quantity(text, Measure(measure))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no quantity: write 1:30 hours, 2.5 kilograms, 3 sessions") from None


@app.command("list")
def list_activities(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the activities of a town, with what they have paid."""
    from koinon.coproduction import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.activities(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("activity", "counts", "place", "paid", right=["paid"])
            for one in found:
                table.add_row(one.code, one.measure, one.place, written(Amount(one.granted_minor, facts.unit_code)))
            console.print(table)

        out.document({"town": facts.slug, "activities": [_activity(one) for one in found]}, show)


@app.command("show")
def show(
    code: CodeArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Show an activity with its dated rates and caps, and what waits to be verified."""
    from koinon.coproduction import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.activity_by_code(conn, town_id=facts.id, code=code)
            rates = queries.rates(conn, town_id=facts.id, activity_id=found.id)
            caps = queries.caps(conn, town_id=facts.id, activity_id=found.id)
            waits = queries.waiting(conn, town_id=facts.id, activity_id=found.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            console.print(f"{found.name} ({found.measure})", markup=False)
            table = plain_table("from", "stream", "pays", "for", right=["pays", "for"])
            for one in rates:
                pays = written(Amount(one.pays_minor, facts.unit_code))
                table.add_row(f"{one.from_day}", one.stream, pays, said(one.per_quantity, found.measure))
            console.print(table)
            table = plain_table("from", "a person, at most", "in")
            for cap in caps:
                limits = [said(cap.most_quantity, found.measure)] if cap.most_quantity is not None else []
                limits += [written(Amount(cap.most_minor, facts.unit_code))] if cap.most_minor is not None else []
                table.add_row(f"{cap.from_day}", " and ".join(limits) or "no limit", cap.period)
            console.print(table)
            console.print(f"{len(waits)} waiting to be verified")

        content = {
            "town": facts.slug,
            "activity": _activity(found),
            "rates": [
                {"stream": one.stream, "from": one.from_day, "pays": one.pays_minor, "for": one.per_quantity}
                for one in rates
            ],
            "caps": [
                {
                    "stream": one.stream,
                    "within": one.period,
                    "from": one.from_day,
                    "quantity": one.most_quantity,
                    "amount": one.most_minor,
                }
                for one in caps
            ],
            "waiting": [_contribution(one) for one in waits],
        }
        out.document(content, show)


@app.command("set")
def set_activity(
    code: CodeArgument,
    name: Annotated[str, typer.Option("--name", help="What people call it.")],
    counts: Annotated[Counts, typer.Option("--counts", help="What is counted.")],
    actor: ActorOption,
    fund: Annotated[str, typer.Option("--fund", metavar="CODE", help="The fund that rewards it.")] = "",
    time_bank: Annotated[str, typer.Option("--time-bank", metavar="CODE", help="Or the time bank.")] = "",
    place: Annotated[str, typer.Option("--place")] = "",
    zones: Annotated[list[str] | None, typer.Option("--zone", help="Only residents of these neighbourhoods.")] = None,
    first_day: Annotated[date | None, typer.Option("--first-day", metavar="DAY", parser=day_of)] = None,
    last_day: Annotated[date | None, typer.Option("--last-day", metavar="DAY", parser=day_of)] = None,
    second_above: Annotated[str, typer.Option("--second-above", help="A second coordinator above this quantity.")] = "",
    budget: Annotated[str, typer.Option("--budget", help="The most it may pay in all.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Begin an activity, or change its name, place, days, neighbourhoods, threshold or budget."""
    from koinon.coproduction import activities
    from koinon.coproduction.types import ActivityTerms, Measure
    from koinon.db.transactions import transaction
    from koinon.programmes import queries as programmes

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            terms = ActivityTerms(
                code=code,
                name=name,
                measure=Measure(counts.value),
                fund_id=programmes.fund_by_code(conn, town_id=facts.id, code=fund).id if fund else None,
                bank=time_bank,
                place=place,
                zones=tuple(zones or ()),
                first_day=first_day,
                last_day=last_day,
                second_above=quantity_of(second_above, counts.value) if second_above else None,
                budget_minor=amount_of(budget, facts).minor if budget else None,
            )
            found = activities.put_activity(conn, town_id=facts.id, terms=terms, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "activity": _activity(found)},
            lambda console: console.print(f"{found.code} is set.", markup=False),
        )


@app.command("rate")
def rate(
    code: CodeArgument,
    pays: Annotated[str, typer.Option("--pays", help="Amount.")],
    from_day: FromOption,
    actor: ActorOption,
    per: Annotated[str, typer.Option("--per", help="For how much: 3 for every three kilograms.")] = "1",
    stream: StreamOption = "",
    source: SourceOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say what a quantity earns from a day on. A rate by which something was rewarded stays."""
    from koinon.coproduction import activities, queries
    from koinon.coproduction.types import Rate
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.activity_by_code(conn, town_id=facts.id, code=code)
            changed = activities.set_rate(
                conn,
                town_id=facts.id,
                activity_id=found.id,
                rate=Rate(stream, from_day, amount_of(pays, facts).minor, quantity_of(per, found.measure), source),
                actor=who,
                at=datetime.now(UTC),
            )
        _changed(out, facts, code, changed)


@app.command("cap")
def cap(
    code: CodeArgument,
    within: Annotated[Within, typer.Option("--within", help="Counted anew each day or month, or never.")],
    from_day: FromOption,
    actor: ActorOption,
    quantity: Annotated[str, typer.Option("--quantity", help="The most that counts for one person.")] = "",
    amount: Annotated[str, typer.Option("--amount", help="The most one person earns.")] = "",
    stream: StreamOption = "",
    source: SourceOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say the most one person is rewarded for, from a day on; with neither quantity nor amount, no limit."""
    from koinon.coproduction import activities, queries
    from koinon.coproduction.types import Cap
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.activity_by_code(conn, town_id=facts.id, code=code)
            most_quantity = quantity_of(quantity, found.measure) if quantity else None
            most_minor = amount_of(amount, facts).minor if amount else None
            changed = activities.set_cap(
                conn,
                town_id=facts.id,
                activity_id=found.id,
                cap=Cap(stream, within.value, from_day, most_quantity, most_minor, source),
                actor=who,
                at=datetime.now(UTC),
            )
        _changed(out, facts, code, changed)


@app.command("open")
def open_code(
    code: CodeArgument,
    actor: ActorOption,
    hours: Annotated[int, typer.Option("--hours", min=1, max=744, help="For how long.")] = 4,
    place: Annotated[str, typer.Option("--place")] = "",
    site: Annotated[str, typer.Option("--site", metavar="URL", help="Where the site is.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let people register themselves from now on, by an address that a QR code holds."""
    from koinon.coproduction import activities, codes, queries
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        now = datetime.now(UTC)
        with transaction(conn):
            found = queries.activity_by_code(conn, town_id=facts.id, code=code)
            occasion = activities.open_occasion(
                conn,
                town_id=facts.id,
                occasion_id=new_id(),
                activity_id=found.id,
                place=place,
                opens_at=now,
                closes_at=now + timedelta(hours=hours),
                actor=who,
                at=now,
            )
        address = f"{site.rstrip('/')}/join/{codes.token(Secrets.load(), codes.OCCASION, occasion.id)}/"
        content = {
            "town": facts.slug, "occasion": occasion.id, "activity": code, "closes_at": occasion.closes_at,
            "address": address,
        }  # fmt: skip
        out.document(content, lambda console: console.print(f"{occasion.id}\n{address}", markup=False))


@app.command("close")
def close_code(
    occasion: Annotated[UUID, typer.Argument(metavar="OCCASION", parser=id_of)],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """End an occasion before its time."""
    from koinon.coproduction import activities
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            found = activities.close_occasion(
                conn, town_id=facts.id, occasion_id=occasion, actor=who, at=datetime.now(UTC)
            )
        content = {"town": facts.slug, "occasion": found.id, "registered": found.contributions}
        out.document(content, lambda console: console.print(f"Closed, with {found.contributions} registered."))


@app.command("waiting")
def waiting(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List what waits for a coordinator, oldest first."""
    from koinon.coproduction import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.waiting(conn, town_id=facts.id)
        _say(out, facts, found)


@app.command("record")
def record(
    code: CodeArgument,
    party: PartyArgument,
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help="1:30 hours, 2.5 kilograms, 3 sessions.")],
    actor: ActorOption,
    stream: StreamOption = "",
    day: Annotated[date | None, typer.Option("--day", metavar="DAY", parser=day_of, help="Today without it.")] = None,
    contribution: Annotated[
        UUID | None, typer.Option("--id", parser=id_of, help="Makes the command repeatable.")
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write down what somebody did, and verify it: for people without a telephone."""
    from koinon.coproduction import contributions, queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        now = datetime.now(UTC)
        with transaction(conn):
            found = queries.activity_by_code(conn, town_id=facts.id, code=code)
            done = contributions.record_for(
                conn,
                town_id=facts.id,
                contribution_id=contribution or new_id(),
                activity_id=found.id,
                party=party,
                stream=stream,
                quantity=quantity_of(quantity, found.measure),
                day=day or now.astimezone(facts.zone).date(),
                actor=who,
                at=now,
            )
        _say(out, facts, [done])


@app.command("verify")
def verify(
    found: Annotated[list[UUID], typer.Argument(metavar="CONTRIBUTION...", parser=id_of)],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that somebody saw it; what it earns is paid at once. One that is refused stops no other."""
    from koinon.coproduction import contributions
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            outcomes = contributions.verify_many(
                conn, town_id=facts.id, contribution_ids=found, actor=who, at=datetime.now(UTC)
            )
        refused = [one.refused for one in outcomes if one.refused is not None]
        if refused and len(refused) == len(outcomes):
            raise refused[0]
        _say(out, facts, [one.contribution for one in outcomes if one.contribution is not None])
        for why in refused:
            out.progress(f"refused ({why.code}): {why}")
        if refused:
            raise typer.Exit(1)


@app.command("reject")
def reject(
    contribution: ContributionArgument,
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Nobody saw it, or it was not so: it is not rewarded."""
    from koinon.coproduction import contributions

    _decide(contributions.reject, contribution, reason, actor, town, as_json, database)


@app.command("withdraw")
def withdraw(
    contribution: ContributionArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take back one's own registration, while nobody has looked at it."""
    from koinon.coproduction import contributions
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="resident") as (conn, facts, who):
        with transaction(conn):
            done = contributions.withdraw(
                conn, town_id=facts.id, contribution_id=contribution, actor=who, at=datetime.now(UTC)
            )
        _say(out, facts, [done])


@app.command("undo")
def undo(
    contribution: ContributionArgument,
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take back what was verified by mistake, as far as the reward is still there."""
    from koinon.coproduction import contributions

    _decide(contributions.undo, contribution, reason, actor, town, as_json, database)


@app.command("correct")
def correct(
    contribution: ContributionArgument,
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help="The right one.")],
    reason: ReasonOption,
    actor: ActorOption,
    anew: Annotated[UUID | None, typer.Option("--id", parser=id_of, help="Makes the command repeatable.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Undo a contribution and write it down anew with the right quantity."""
    from koinon.coproduction import contributions, queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            before = queries.contribution(conn, town_id=facts.id, contribution_id=contribution)
            done = contributions.correct(
                conn,
                town_id=facts.id,
                contribution_id=contribution,
                quantity=quantity_of(quantity, before.measure),
                new_id=anew or new_id(),
                reason=reason,
                actor=who,
                at=datetime.now(UTC),
            )
        _say(out, facts, [done])


@app.command("certificate")
def certificate(
    party: PartyArgument,
    first_day: Annotated[date, typer.Option("--from", metavar="DAY", parser=day_of)],
    last_day: Annotated[date, typer.Option("--until", metavar="DAY", parser=day_of)],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Certify what somebody did between two days. Their page and the coordinator's print it."""
    from koinon.coproduction import certificates, codes
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            found = certificates.issue(
                conn, town_id=facts.id, certificate_id=new_id(), party=party, first_day=first_day, last_day=last_day,
                actor=who, at=datetime.now(UTC),
            )  # fmt: skip
        check = f"/certificate/{codes.token(Secrets.load(), codes.CERTIFICATE, found.id)}/"

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("activity", "stream", "times", "quantity", right=["times", "quantity"])
            for line in found.totals:
                measured = said(line["quantity"], line["measure"])
                table.add_row(line["activity"], line["stream"], str(line["times"]), measured)
            console.print(table)
            console.print(check, markup=False)

        content = {"town": facts.slug, "certificate": found.id, "totals": found.totals, "check": check}
        out.document(content, show)


def said(steps: int, measure: str) -> str:
    """A quantity for a terminal.

    >>> said(90, "hour"), said(2500, "kilogram"), said(3, "session")
    ('1:30 h', '2.5 kg', '3')
    """
    if measure == "hour":
        return f"{steps // 60}:{steps % 60:02d} h"
    if measure == "kilogram":
        whole, grams = divmod(steps, 1000)
        return f"{whole}{f'.{grams:03d}'.rstrip('0') if grams else ''} kg"
    return str(steps)


def _decide(
    how: Callable[..., Contribution],
    contribution: UUID,
    reason: str,
    actor: str,
    town: str,
    as_json: bool,
    database: str | None,
) -> None:
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        done = _done(conn, transaction, how, facts, contribution, reason, who)
        _say(out, facts, [done])


def _done(
    conn: Connection[Any],
    transaction: Any,
    how: Callable[..., Contribution],
    facts: TownFacts,
    contribution: UUID,
    reason: str,
    who: str,
) -> Contribution:
    with transaction(conn):
        return how(conn, town_id=facts.id, contribution_id=contribution, reason=reason, actor=who, at=datetime.now(UTC))


def _changed(out: Output, facts: TownFacts, code: str, changed: bool) -> None:
    told = "It is set." if changed else "It was so already."
    content = {"town": facts.slug, "activity": code, "changed": changed}
    out.document(content, lambda console: console.print(told))


def _say(out: Output, facts: TownFacts, found: list[Contribution]) -> None:
    def show(console: Console) -> None:
        from koinon.cli.tables import plain_table

        table = plain_table(
            "contribution", "activity", "stream", "day", "quantity", "state", "earned", right=["quantity", "earned"]
        )
        for one in found:
            earned = written(Amount(one.reward_minor, facts.unit_code)) if one.reward_minor else ""
            if one.reward_minutes:
                earned = said(one.reward_minutes, "hour")
            table.add_row(
                str(one.id),
                one.activity_code,
                one.stream,
                f"{one.day}",
                said(one.quantity, one.measure),
                one.state,
                earned,
            )
            for ground in one.grounds:
                table.add_row("", ground.code, "", "", "", "", "")
        console.print(table)

    out.document({"town": facts.slug, "contributions": [_contribution(one) for one in found]}, show)


def _activity(one: Activity) -> dict[str, Any]:
    return {
        "id": one.id,
        "code": one.code,
        "name": one.name,
        "place": one.place,
        "counts": one.measure,
        "programme": one.programme_id,
        "time_bank": one.bank_id,
        "zones": one.zones,
        "first_day": one.first_day,
        "last_day": one.last_day,
        "second_above": one.second_above,
        "budget": one.budget_minor,
        "paid": one.granted_minor,
    }


def _contribution(one: Contribution) -> dict[str, Any]:
    return {
        "id": one.id,
        "code": one.short_code,
        "activity": one.activity_code,
        "party": one.party,
        "stream": one.stream,
        "quantity": one.quantity,
        "day": one.day,
        "state": one.state,
        "needs_second": one.needs_second,
        "rewarded_quantity": one.rewarded_quantity,
        "reward": one.reward_minor,
        "minutes": one.reward_minutes,
        "taken_back": one.taken_back,
        "grounds": [ground.code for ground in one.grounds],
    }
