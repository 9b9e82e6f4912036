"""The ``koinon`` command and its exit status.

0    done
1    refused, or a check failed; every ground is said
2    the command line makes no sense
70   a defect of ours; where its log lies is said
130  interrupted
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from copy import copy
from functools import cache
from types import FrameType
from typing import Any

import typer

from koinon.cli import (
    account,
    activity,
    aid,
    api,
    bank,
    bench,
    books,
    budget,
    campaign,
    card,
    complaint,
    cycle,
    demo,
    document,
    fund,
    helper,
    impact,
    keys,
    letter,
    lists,
    offline,
    party,
    payments,
    redeem,
    request,
    serving,
    terms,
    text,
    till,
    timebank,
    topup,
    town,
    upkeep,
    webhook,
)
from koinon.cli.output import DEFECT, DONE, INTERRUPTED, REFUSED, TOLD_TO_END, keep_defect
from koinon.db.private import keep_to_owner, without_rows

app = typer.Typer(
    name="koinon",
    help="Run a town's complementary currency: aid that is spent locally, circulates, is redeemed in euros, "
    "and can be followed.",
    epilog="Commands use --database or KOINON_DATABASE_URL, and otherwise start the embedded PostgreSQL under var/.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo", rich_help_panel="See it")(demo.demo)
app.command("serve", rich_help_panel="See it")(serving.serve)
app.add_typer(town.app, name="town", rich_help_panel="Run a town")
app.add_typer(budget.app, name="budget", rich_help_panel="Run a town")
app.add_typer(bank.app, name="bank", rich_help_panel="Run a town")
app.add_typer(fund.app, name="fund", rich_help_panel="Run a town")
app.add_typer(cycle.app, name="cycle", rich_help_panel="Run a town")
app.add_typer(campaign.app, name="campaign", rich_help_panel="Run a town")
app.add_typer(topup.app, name="topup", rich_help_panel="Run a town")
app.add_typer(aid.app, name="aid", rich_help_panel="Run a town")
app.add_typer(aid.exceptions, name="exception", rich_help_panel="Run a town")
app.add_typer(aid.duplicates, name="duplicates", rich_help_panel="Run a town")
for name, command in (
    ("terms", terms.terms),
    ("show", payments.show),
    ("reject", payments.reject),
    ("return", payments.return_),
):
    redeem.app.command(name)(command)
app.add_typer(redeem.app, name="redeem", rich_help_panel="Run a town")
app.add_typer(account.app, name="account", rich_help_panel="Run a town")
app.add_typer(activity.app, name="activity", rich_help_panel="Run a town")
app.add_typer(timebank.app, name="time-bank", rich_help_panel="Run a town")
app.add_typer(party.app, name="party", rich_help_panel="Run a town")
app.add_typer(lists.app, name="list", rich_help_panel="Run a town")
app.add_typer(lists.many, name="many", rich_help_panel="Run a town")
app.add_typer(card.app, name="card", rich_help_panel="Run a town")
app.add_typer(till.app, name="till", rich_help_panel="Run a town")
app.add_typer(request.app, name="request", rich_help_panel="Run a town")
app.add_typer(request.codes, name="payee-code", rich_help_panel="Run a town")
app.add_typer(complaint.app, name="complaint", rich_help_panel="Run a town")
app.add_typer(helper.app, name="helper", rich_help_panel="Run a town")
app.add_typer(text.app, name="text", rich_help_panel="Run a town")
app.add_typer(letter.app, name="letter", rich_help_panel="Run a town")
app.add_typer(document.app, name="document", rich_help_panel="Run a town")
app.add_typer(offline.app, name="offline", rich_help_panel="Run a town")
app.add_typer(api.app, name="api", rich_help_panel="Run a town")
app.add_typer(webhook.app, name="webhook", rich_help_panel="Run a town")
app.add_typer(webhook.notices, name="notice", rich_help_panel="Run a town")
app.add_typer(impact.app, name="impact", rich_help_panel="See what it did")
app.command("check", rich_help_panel="Check the books")(books.check)
app.add_typer(books.seal, name="seal", rich_help_panel="Check the books")
app.add_typer(keys.app, name="keys", rich_help_panel="Operate")
app.add_typer(bench.app, name="bench", rich_help_panel="Operate")
app.command("demo-data", rich_help_panel="Operate")(upkeep.demo_data)
app.command("doctor", rich_help_panel="Operate")(upkeep.doctor)


@cache
def _commands(whole: typer.Typer, first: str) -> Callable[..., Any]:
    """What carries out a command line that begins with this word.

    Reading the parameters of all commands takes a third of a command's start: those of other groups are left alone.
    """
    group = [found for found in whole.registered_groups if found.name == first]
    if not group:
        return typer.main.get_command(whole)
    alone = copy(whole)
    alone.registered_groups, alone.registered_commands = group, []
    return typer.main.get_command(alone)


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and say how it ended."""
    try:
        _commands(app, arguments[0] if arguments else "")(args=list(arguments), prog_name="koinon")
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else DONE
        if status in (INTERRUPTED, TOLD_TO_END):
            sys.stderr.write("Stopped. What was begun can be run again: it goes on where it ended.\n")
        return status
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as defect:  # noqa: BLE001  The last resort: said in one line and kept in a file.
        if _disk_is_full(defect):
            sys.stderr.write(f"The disk is full: {defect}\nFree some space and run the command again.\n")
            return REFUSED
        log = keep_defect(defect)
        sys.stderr.write(
            f"Sorry, this should not have happened: {type(defect).__name__}: {without_rows(str(defect))}\n"
            + (f"The details are in {log}; please send them with a report.\n" if log else "")
        )
        return DEFECT
    return DONE


def _disk_is_full(failed: Exception) -> bool:
    if isinstance(failed, OSError):
        return failed.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(failed, "sqlstate", None) == "53100"  # PostgreSQL's disk_full.


def main() -> None:
    """The entry point. Being told to end is ending in order: what is open is closed on the way out."""
    keep_to_owner()
    signal.signal(signal.SIGTERM, _told_to_end)
    sys.exit(run(sys.argv[1:]))


def _told_to_end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
