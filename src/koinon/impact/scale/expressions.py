"""Indicators' queries over an export, each one expression for every engine.

Tables are unbound: ``engines`` makes SQL of an expression in the engine's own dialect and runs it on views of these
names. Every figure is a whole number, so that engines can be compared by equality; ratios are made of them by
``figures``. Four habits keep engines equal and small:

- what is summed is 64 bits wide first, and what may not fit (amounts by microseconds, squares) is a decimal of 38 digits;
- nothing is divided: a division by nothing is NULL on one engine and an error on the other;
- no times: instants are microseconds since 1970 UTC, and calendar months come from ``periods``;
- a table that is read twice is named twice (``view``): a shared part would be kept in memory as a whole.

A payment runs between two different holders; a reversal counts against it in the month in which it happens. A business
is a holder of a till.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
from ibis import _

from koinon.impact.export import layout

_BOUNDARY = ("issue", "unissue", "redeem", "expire")
_KEY = ("town", "period")


def _table(name: str, columns: dict[str, str], path: dict[str, str]) -> Any:
    kinds = {"bool": "boolean"}
    return ibis.table({**path, **{column: kinds.get(kind, kind) for column, kind in columns.items()}}, name=name)


TRANSFERS = _table("transfers", layout.TRANSFERS, {"town": "int32", "month": "string"})
ACCOUNTS = _table("accounts", layout.ACCOUNTS, {"town": "int32"})
PERIODS = _table("periods", layout.PERIODS, {"town": "int32"})


def _times(value: Any, other: Any) -> Any:
    """A product that may not fit into 64 bits. DuckDB widens it only if one factor is wider than 18 digits already."""
    return value.cast("decimal(19, 0)") * other.cast("decimal(18, 0)")


def _integral(months: Any, start: Any, end: Any) -> Any:
    """What was held over a month, by microseconds: each change (``by_time``: their sum, times when) counts to its end.

    end x ends - start x starts - sum of change x time, which needs no month beside each row.
    """
    by_time = months.by_time.fill_null(ibis.literal(0, "decimal(38, 0)"))
    return _times(end, months.ends) - _times(start, months.starts) - by_time


def _whole(value: Any) -> Any:
    """A sum as 64 bits; engines give sums the width they like."""
    return value.fill_null(0).cast("int64")


def _side(table: Any, end: str, *columns: str) -> Any:
    """The transfers with what is known of one of their accounts, under the name of that end."""
    accounts = ACCOUNTS.view()
    known = accounts.select(
        accounts.town, accounts.account.name(end), *(accounts[column].name(f"{end}_{column}") for column in columns)
    )
    return table.inner_join(known, ["town", end])


def _payments(*columns: str, codes: tuple[str, ...] = ("pay",)) -> Any:
    """Payments with payer and payee (on a reversal's row the two are swapped) and ``net``, negative for reversals."""
    wanted = ("holder", "trades", *columns)
    rows = TRANSFERS.view()
    rows = rows.filter(rows.code.isin(codes))
    rows = _side(_side(rows, "source", *wanted), "target", *wanted)
    rows = rows.filter(rows.source_holder != rows.target_holder)
    return rows.select(
        "town",
        "period",
        "code",
        "purchase",
        "undoes",
        net=ibis.ifelse(rows.undoes, -rows.amount, rows.amount).cast("int64"),
        **{
            f"payer_{name}": ibis.ifelse(rows.undoes, rows[f"target_{name}"], rows[f"source_{name}"]) for name in wanted
        },
        **{
            f"payee_{name}": ibis.ifelse(rows.undoes, rows[f"source_{name}"], rows[f"target_{name}"]) for name in wanted
        },
    )


def flows() -> Any:
    """What ``queries.flows`` says, of each town and calendar month: one row each, months without a movement included.

    ``outstanding_micros`` is the integral of the units outstanding over the month.
    """
    paid = _payments().group_by(_KEY)
    paid = paid.agg(
        spent=_whole(_.net.sum()),
        refunded=_whole((-_.net).sum(where=_.undoes)),
        business_income=_whole(_.net.sum(where=_.payee_trades)),
        business_spending=_whole(_.net.sum(where=_.payer_trades)),
    )
    rows = TRANSFERS.view()
    rows = rows.filter(rows.code.isin(_BOUNDARY))
    net = ibis.ifelse(rows.undoes, -rows.amount, rows.amount).cast("int64")
    rows = rows.mutate(
        issued=ibis.cases((rows.code == "issue", net), (rows.code == "unissue", -net), else_=0).cast("int64"),
        redeemed=ibis.ifelse(rows.code == "redeem", net, 0).cast("int64"),
        expired=ibis.ifelse(rows.code == "expire", net, 0).cast("int64"),
    )
    rows = rows.mutate(change=rows.issued - rows.redeemed - rows.expired)
    crossed = rows.group_by(_KEY).agg(
        issued=_whole(_.issued.sum()),
        redeemed=_whole(_.redeemed.sum()),
        expired=_whole(_.expired.sum()),
        change=_whole(_.change.sum()),
        by_time=_times(_.change, _.time).sum(),
    )
    months = PERIODS.view()
    found = months.left_join(paid, list(_KEY)).drop("town_right", "period_right")
    found = found.left_join(crossed, list(_KEY)).drop("town_right", "period_right")
    found = found.mutate(**{name: _whole(found[name]) for name in ("issued", "redeemed", "expired", "change")})
    until = ibis.window(group_by="town", order_by="period", preceding=None, following=0)
    found = found.mutate(outstanding_end=_whole(found.change.sum().over(until)))
    found = found.mutate(outstanding_start=found.outstanding_end - found.change)
    return found.select(
        "town",
        "period",
        "issued",
        **{name: _whole(found[name]) for name in ("spent", "refunded")},
        redeemed=found.redeemed,
        expired=found.expired,
        **{name: _whole(found[name]) for name in ("business_income", "business_spending")},
        outstanding_start=found.outstanding_start,
        outstanding_end=found.outstanding_end,
        outstanding_micros=_integral(found, found.outstanding_start, found.outstanding_end),
    )


def receipts() -> Any:
    """What each business took in a month and did with it, net of refunds: the sums of ``receipts.sql``.

    A row for each month in which it took, paid or redeemed anything.
    """
    took = _payments().filter(_.payee_trades)
    took = took.group_by("town", "period", holder=took.payee_holder).agg(
        receipts=_whole(_.net.sum()),
        from_businesses=_whole(_.net.sum(where=_.payer_trades)),
        to_businesses=ibis.literal(0, "int64"),
        to_residents=ibis.literal(0, "int64"),
        redeemed=ibis.literal(0, "int64"),
    )
    gave = _payments(codes=("pay", "redeem")).filter(_.payer_trades)
    pays = gave.code == "pay"
    gave = gave.group_by("town", "period", holder=gave.payer_holder).agg(
        receipts=ibis.literal(0, "int64"),
        from_businesses=ibis.literal(0, "int64"),
        to_businesses=_whole(gave.net.sum(where=pays & gave.payee_trades)),
        to_residents=_whole(gave.net.sum(where=pays & ~gave.payee_trades)),
        redeemed=_whole(gave.net.sum(where=gave.code == "redeem")),
    )
    sums = ("receipts", "from_businesses", "to_businesses", "to_residents", "redeemed")
    both = ibis.union(took, gave, distinct=False)
    return both.group_by("town", "period", "holder").agg(**{name: _whole(both[name].sum()) for name in sums})


def customers() -> Any:
    """How many purchases each business took in a month and from how many holders, and how many residents it paid.

    A holder counts where what was paid, net of refunds, is above nothing. Needs every pair of payer and payee: the one
    question whose memory grows with more than accounts.
    """
    between = ("town", "period", "payer_holder", "payee_holder", "payer_trades", "payee_trades")
    took = _payments().filter(_.payee_trades).group_by(between)
    took = took.agg(net=_whole(_.net.sum()), purchases=_.purchase.nunique(where=~_.undoes).cast("int64"))
    took = took.group_by("town", "period", holder=took.payee_holder).agg(
        payments=_whole(_.purchases.sum()),
        payers=(_.net > 0).cast("int64").sum().cast("int64"),
        residents_paid=ibis.literal(0, "int64"),
    )
    gave = _payments().filter(_.payer_trades & ~_.payee_trades).group_by(between).agg(net=_whole(_.net.sum()))
    gave = gave.group_by("town", "period", holder=gave.payer_holder).agg(
        payments=ibis.literal(0, "int64"),
        payers=ibis.literal(0, "int64"),
        residents_paid=(_.net > 0).cast("int64").sum().cast("int64"),
    )
    both = ibis.union(took, gave, distinct=False)
    return both.group_by("town", "period", "holder").agg(
        **{name: _whole(both[name].sum()) for name in ("payments", "payers", "residents_paid")}
    )


def concentration() -> Any:
    """What the Herfindahl-Hirschman index of receipts is made of: the sum of squares, the sum, the largest, how many.

    Businesses that gave back more than they took, or took nothing, are left out.
    """
    rows = _payments().filter(_.payee_trades)
    each = rows.group_by("town", "period", holder=rows.payee_holder).agg(receipts=_whole(rows.net.sum()))
    each = each.filter(each.receipts > 0)
    return each.group_by(_KEY).agg(
        squares=_times(_.receipts, _.receipts).sum(),
        receipts=_whole(_.receipts.sum()),
        largest=_whole(_.receipts.max()),
        businesses=_.count().cast("int64"),
    )


def receipts_by(attribute: str) -> Any:
    """What the businesses of each label took in a month, net of refunds: by "zone", "sse", "sector", "legal_form", "size".

    ``label`` is empty where it is not known. ``businesses`` is how many of them took anything above nothing.
    """
    rows = _payments(attribute).filter(_.payee_trades)
    each = rows.group_by("town", "period", "payee_holder", label=rows[f"payee_{attribute}"].fill_null("")).agg(
        receipts=_whole(rows.net.sum())
    )
    return each.group_by("town", "period", "label").agg(
        receipts=_whole(each.receipts.sum()), businesses=(each.receipts > 0).cast("int64").sum().cast("int64")
    )


def turnover_by(attribute: str) -> Any:
    """What the holders of each label paid in a month, net of refunds, and the integral of what they held.

    ``paid`` over ``held_micros`` divided by the month's length, times twelve, is how often a year a unit in their hands
    was paid on. Residents are one sector. ``label`` is empty where it is not known.
    """
    paid = _payments(attribute)
    paid = paid.group_by("town", "period", label=paid[f"payer_{attribute}"].fill_null("")).agg(
        paid=_whole(paid.net.sum())
    )

    def moved(end: str, sign: int) -> Any:
        rows = _side(TRANSFERS.view(), end, "role", attribute)
        rows = rows.filter(rows[f"{end}_role"] == 0)
        rows = rows.mutate(label=rows[f"{end}_{attribute}"].fill_null(""), change=(rows.amount * sign).cast("int64"))
        return rows.group_by("town", "period", "label").agg(
            change=_whole(_.change.sum()), by_time=_times(_.change, _.time).sum()
        )

    both = ibis.union(moved("target", 1), moved("source", -1), distinct=False)
    both = both.group_by("town", "period", "label").agg(change=_whole(both.change.sum()), by_time=both.by_time.sum())
    accounts = ACCOUNTS.view()
    labels = accounts.filter(accounts.role == 0)
    labels = labels.select("town", label=labels[attribute].fill_null("")).distinct()
    keys = ["town", "period", "label"]
    found = PERIODS.view().inner_join(labels, "town")
    found = found.left_join(both, keys).drop("town_right", "period_right", "label_right")
    found = found.left_join(paid, keys).drop("town_right", "period_right", "label_right")
    found = found.mutate(change=_whole(found.change))
    until = ibis.window(group_by=["town", "label"], order_by="period", preceding=None, following=0)
    found = found.mutate(held_end=_whole(found.change.sum().over(until)))
    found = found.mutate(held_start=found.held_end - found.change)
    return found.select(
        *keys,
        paid=_whole(found.paid),
        held_end=found.held_end,
        held_micros=_integral(found, found.held_start, found.held_end),
    )


QUESTIONS: dict[str, Callable[[], Any]] = {
    "flows": flows,
    "receipts": receipts,
    "customers": customers,
    "concentration": concentration,
    "by_zone": lambda: receipts_by("zone"),
    "by_sse": lambda: receipts_by("sse"),
    "by_sector": lambda: receipts_by("sector"),
    "turnover_by_sector": lambda: turnover_by("sector"),
}
"""Every question by its name."""
