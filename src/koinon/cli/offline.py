"""``koinon offline``: payments without a network: the terms, the shops and tills that may, and who bore what was lost."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import REFUSED, counted, speaking, written
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.offline.types import Sent, Terms, Voucher
    from koinon.parties.types import TownFacts

app = typer.Typer(help="Payments without a network: terms, shops, tills, losses.", no_args_is_help=True)


class Bearer(StrEnum):
    """Who bears what cannot be paid and no till could know."""

    TOWN = "town"
    SHOP = "shop"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-12-31") from None


ShopArgument = Annotated[UUID, typer.Argument(metavar="SHOP", help="The shop's id.")]


@app.command("terms")
def terms(
    actor: Annotated[str, typer.Option("--as", metavar="USER", envvar="KOINON_USER", help="Who sets them.")] = "",
    from_day: Annotated[
        date | None, typer.Option("--from", metavar="DAY", help="First local day of what follows.", parser=_day)
    ] = None,
    voucher: Annotated[str, typer.Option("--payment", metavar="AMOUNT", help="The most of one payment.")] = "",
    card: Annotated[str, typer.Option("--card", metavar="AMOUNT", help="The most a card pays on one day.")] = "",
    till: Annotated[str, typer.Option("--till", metavar="AMOUNT", help="The most a till keeps unsent.")] = "",
    sync_days: Annotated[int, typer.Option("--days", help="Days until it must be sent.")] = 3,
    tills: Annotated[int, typer.Option("--tills", help="Tills that a shop may register.")] = 3,
    bearer: Annotated[Bearer, typer.Option("--bearer", help="Who bears a loss that no till could know.")] = Bearer.SHOP,
    fund: Annotated[str, typer.Option("--fund", metavar="CODE", help="Out of which the town bears it.")] = "",
    month: Annotated[str, typer.Option("--month", metavar="AMOUNT", help="The most it bears in a month.")] = "",
    source: Annotated[str, typer.Option("--source", help="The regulation or agreement that says so.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show what holds today and what was announced; with --from, say what holds from a day on."""
    from koinon.cli.budget import amount_of
    from koinon.db.transactions import transaction
    from koinon.offline import operations, queries
    from koinon.offline.types import Bearer as Bears
    from koinon.offline.types import Terms
    from koinon.programmes import queries as programmes

    if from_day is not None:
        for said, option in ((voucher, "--payment"), (card, "--card"), (till, "--till"), (source, "--source")):
            if not said:
                raise typer.BadParameter("needed with --from", param_hint=option)
    now = datetime.now(UTC)
    role = "treasurer" if from_day is not None else ""
    with speaking(as_json) as out, opening.desk(database, town, actor, role=role) as (conn, facts, who):
        with transaction(conn):
            if from_day is not None:
                operations.set_terms(
                    conn,
                    town_id=facts.id,
                    terms=Terms(
                        from_day=from_day,
                        voucher_most_minor=amount_of(voucher, facts).minor,
                        card_most_minor=amount_of(card, facts).minor,
                        device_most_minor=amount_of(till, facts).minor,
                        sync_days=sync_days,
                        devices_most=tills,
                        bearer=Bears(bearer.value),
                        fund_id=programmes.fund_by_code(conn, town_id=facts.id, code=fund).id if fund else None,
                        month_most_minor=amount_of(month, facts).minor if month else 0,
                        source=source,
                    ),
                    at=now,
                    actor=who,
                )
            found = queries.terms_from(conn, town_id=facts.id, day=now.astimezone(facts.zone).date())

        def show(console: Console) -> None:
            if not found:
                console.print("The town has said nothing: no till may accept a payment without a network.")
            for held in found:
                console.print(_terms(held, facts), markup=False, soft_wrap=True)

        out.document({"town": facts.slug, "terms": [asdict(held) for held in found]}, show)


def _terms(held: Terms, facts: TownFacts) -> str:
    def money(minor: int) -> str:
        return written(Amount(minor, facts.unit_code))

    bears = (
        f"the town bears losses up to {money(held.month_most_minor)} a month" if held.fund_id else "shops bear losses"
    )
    return (
        f"From {held.from_day}: a payment {money(held.voucher_most_minor)}, a card {money(held.card_most_minor)} a day, "
        f"a till {money(held.device_most_minor)} unsent, sent within {held.sync_days} days, {held.devices_most} tills a "
        f"shop; {bears}. {held.source}"
    )


@app.command("shops")
def shops(
    every: Annotated[bool, typer.Option("--all", help="Those too that are switched off again.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the shops that may accept payments without a network."""
    from koinon.db.transactions import transaction
    from koinon.offline import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.shops(conn, town_id=facts.id, was_on=every)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("shop", "name", "since", "until", "tills", right=("tills",))
            for one in found:
                until = f"{one.ended_at:%Y-%m-%d %H:%M}" if one.ended_at else ""
                table.add_row(str(one.party), one.trade_name, f"{one.since:%Y-%m-%d %H:%M}", until, str(one.devices))
            console.print(table)

        out.document({"town": facts.slug, "shops": [asdict(one) for one in found]}, show)


@app.command("on")
def on(
    shop: ShopArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let a shop accept payments without a network."""
    from koinon.offline import operations

    _switch(operations.switch_on, {"party": shop}, "switched on", "It was on already.", actor, town, as_json, database)


@app.command("off")
def off(
    shop: ShopArgument,
    actor: ActorOption,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; nothing about a person.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """No longer let a shop; what its tills accepted before is settled as promised."""
    from koinon.offline import operations

    asked = {"party": shop, "reason": reason}
    _switch(operations.switch_off, asked, "switched off", "It was off already.", actor, town, as_json, database)


@app.command("withdraw")
def withdraw(
    till: Annotated[UUID, typer.Argument(metavar="TILL", help="Its id, as `koinon offline tills` prints it.")],
    actor: ActorOption,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; nothing about a person.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Withdraw a till that was lost or is used no longer: what it accepts from now on is charged to nobody."""
    from koinon.offline import operations

    asked = {"device_id": till, "reason": reason}
    _switch(operations.revoke_device, asked, "withdrawn", "It was withdrawn already.", actor, town, as_json, database)


def _switch(
    operation: Any, asked: dict[str, Any], done: str, already: str, actor: str, town: str, as_json: bool,
    database: str | None,
) -> None:  # fmt: skip
    from koinon.db.transactions import transaction

    with (
        speaking(as_json) as out,
        opening.desk(database, town, actor, role="treasurer") as (conn, facts, who),
        transaction(conn),
    ):
        changed = operation(conn, town_id=facts.id, at=datetime.now(UTC), actor=who, **asked)

        def show(console: Console) -> None:
            console.print(f"It is {done}." if changed else already)

        out.document({"town": facts.slug, "changed": changed}, show)


@app.command("tills")
def tills(
    shop: Annotated[UUID | None, typer.Option("--shop", metavar="SHOP", help="Of this shop only.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the tills that were registered, when each was last heard of and what of it is missing."""
    from koinon.db.transactions import transaction
    from koinon.offline import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.devices(conn, town_id=facts.id, party=shop)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            right = ("no.", "payments", "missing")
            table = plain_table("till", "no.", "shop", "called", "heard of", "payments", "missing", "", right=right)
            for one in found:
                heard = f"{one.synced_at:%Y-%m-%d %H:%M}" if one.synced_at else ""
                table.add_row(
                    str(one.id), str(one.number), one.trade_name, one.label, heard, str(one.vouchers), str(one.missing),
                    "withdrawn" if one.revoked_at else "",
                )  # fmt: skip
            console.print(table)

        tills = [asdict(one) | {"public_key": one.public_key.hex(), "missing": one.missing} for one in found]
        out.document({"town": facts.slug, "tills": tills}, show)


@app.command("report")
def report(
    first_day: Annotated[
        date | None, typer.Option("--from", metavar="DAY", help="First local day of arrival.", parser=_day)
    ] = None,
    last_day: Annotated[date | None, typer.Option("--to", metavar="DAY", help="Last one.", parser=_day)] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say what arrived in a period, who bore what could not be paid, which payments belong together, and what is missing."""
    from koinon.db.transactions import transaction
    from koinon.offline import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        today = datetime.now(UTC).astimezone(facts.zone).date()
        last = last_day or today
        first = first_day or last - timedelta(days=30)
        with transaction(conn, one_snapshot=True):
            found = queries.report(conn, town_id=facts.id, first_day=first, last_day=last)

        def money(minor: int) -> str:
            return written(Amount(minor, facts.unit_code))

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            total = found.totals
            console.print(
                f"{first} to {last}: {counted(total.vouchers, 'payment')} over {money(total.amount_minor)}; paid by cards "
                f"{money(total.paid_minor)}, by the town {money(total.covered_minor)} (given back since: "
                f"{money(total.returned_minor)}), owed by the town "
                f"{money(total.owed_minor)}, borne by shops {money(total.borne_minor)}.",
                markup=False,
                soft_wrap=True,
            )
            right = ("amount", "paid", "town", "owed", "shop")
            table = plain_table("payment", "at", "accepted", *right, "why", "same card and day", right=right)
            for one, others in found.lossy:
                table.add_row(
                    one.name, one.trade_name, f"{one.accepted_at.astimezone(facts.zone):%Y-%m-%d %H:%M}",
                    *(money(minor) for minor in (
                        one.amount_minor, one.paid_minor, one.covered_minor, one.owed_minor, one.borne_minor,
                    )),
                    ", ".join(ground.code for ground in one.grounds),
                    ", ".join(f"{other.name} at {other.trade_name}" for other in others),
                )  # fmt: skip
            if found.lossy:
                console.print(table)
            for one, again in found.clashes:
                console.print(
                    f"Till {one.device_number} ({one.trade_name}) signed two payments as its {one.counter}: "
                    f"{money(one.amount_minor)} and {money(again.amount_minor)}.",
                    markup=False,
                )
            for gap in found.gaps:
                console.print(
                    f"Till {gap.device_number} ({gap.trade_name}) has not sent {gap.first} to {gap.last}.", markup=False
                )

        content = {
            "town": facts.slug,
            "first_day": first,
            "last_day": last,
            "totals": asdict(found.totals),
            "losses": [
                _as_json(one) | {"same_card_and_day": [_as_json(other) for other in others]}
                for one, others in found.lossy
            ],
            "clashes": [[_as_json(one), _as_json(again)] for one, again in found.clashes],
            "gaps": [asdict(gap) for gap in found.gaps],
        }
        out.document(content, show)


@app.command("cover")
def cover(
    actor: ActorOption, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Pay shops what the town owes them, as far as its funds have it."""
    from koinon.db.transactions import transaction
    from koinon.offline import operations

    with (
        speaking(as_json) as out,
        opening.desk(database, town, actor, role="treasurer") as (conn, facts, who),
        transaction(conn),
    ):
        paid = operations.cover_owed(conn, town_id=facts.id, at=datetime.now(UTC), actor=who)

        def show(console: Console) -> None:
            console.print(f"{paid} paid.")

        out.document({"town": facts.slug, "covered": paid}, show)


@app.command("settle")
def settle(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What a till saved, as JSON.")
    ],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Settle what a till saved to a file because it does not reach the town; again is harmless. Card codes in it are sealed."""
    from koinon.db.transactions import transaction
    from koinon.offline import operations, queries
    from koinon.offline.errors import OfflineError
    from koinon.parties.secrets import Secrets

    device_id, sent = _read(file)
    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):

        @contextmanager
        def opened() -> Iterator[Connection[Any]]:
            with transaction(conn):
                yield conn

        with opened():
            party = queries.device(conn, town_id=facts.id, device_id=device_id).party
        outcomes = operations.accept(
            opened, town_id=facts.id, device_id=device_id, party=party, sent=sent, now=datetime.now(UTC), actor=who,
            secrets=Secrets.load(),
        )  # fmt: skip
        said = [
            {"refused": one.code} if isinstance(one, OfflineError) else _as_json(one) for one in outcomes
        ]  # fmt: skip

        def show(console: Console) -> None:
            for one in outcomes:
                if isinstance(one, OfflineError):
                    console.print(one.code)
                else:
                    console.print(
                        f"{one.name}: {written(one.amount)}, paid {written(Amount(one.paid_minor, one.unit))}",
                        markup=False,
                    )

        out.document({"town": facts.slug, "settled": said}, show)
    if any(isinstance(one, OfflineError) for one in outcomes):
        raise typer.Exit(REFUSED)


def _read(file: Path) -> tuple[UUID, list[Sent]]:
    from koinon.offline.rules import MOST_AT_ONCE
    from koinon.offline.types import Sent

    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        device_id = UUID(document["device"])
        sent = [
            Sent(*(base64.urlsafe_b64decode(one[part] + "==") for part in ("body", "signature", "box")))
            for one in document["vouchers"]
        ]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise typer.BadParameter("this is not what a till saved", param_hint="FILE") from None
    if len(sent) > MOST_AT_ONCE:
        raise typer.BadParameter(f"{MOST_AT_ONCE} payments are the most in a file", param_hint="FILE")
    return device_id, sent


def _as_json(one: Voucher) -> dict[str, Any]:
    return {
        "voucher": str(one.id),
        "name": one.name,
        "till": str(one.device),
        "shop": str(one.party),
        "trade_name": one.trade_name,
        "counter": one.counter,
        "amount": one.amount_minor,
        "accepted_at": one.accepted_at,
        "received_at": one.received_at,
        "paid": one.paid_minor,
        "covered": one.covered_minor,
        "owed": one.owed_minor,
        "borne": one.borne_minor,
        "returned": one.returned_minor,
        "payment": str(one.payment_id) if one.payment_id else None,
        "grounds": [{"code": ground.code, "fields": ground.fields} for ground in one.grounds],
    }
