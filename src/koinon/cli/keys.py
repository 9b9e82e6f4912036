"""``koinon keys``: turn over the key outside the database under which personal data are wrapped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening
from koinon.cli.opening import DatabaseOption, JsonOption
from koinon.cli.output import Output, agree, counted, speaking

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.office.keys import Standing

ACTOR = "cli:keys"
PROGRESS_EVERY_SECONDS = 3.0
WHAT = {
    "people": ("key of a person, household or body", "keys of people, households and bodies"),
    "pins": ("PIN of a card or phone", "PINs of cards and phones"),
    "cashiers-pins": ("PIN of a cashier", "PINs of cashiers"),
    "cards-in-the-drawer": ("code of a card in the drawer", "codes of cards in the drawer"),
    "webhooks": ("webhook", "webhooks"),
    "requests": ("payment request that can be paid", "payment requests that can be paid"),
    "files-looked-at": ("file being looked at", "files being looked at"),
}

app = typer.Typer(
    help="Turn over the key outside the database that personal data are wrapped by.", no_args_is_help=True
)


@app.command("list")
def list_keys(as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the keys of the file by name, what stands under each, and which may be destroyed. No key is shown."""
    from koinon.db.transactions import transaction
    from koinon.office import keys
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.books(database) as conn:
        secrets = Secrets.there()
        with transaction(conn):
            found = keys.standing(conn, secrets, at=datetime.now(UTC))
        out.document(
            {"file": secrets.path, "keys": [_told(one) for one in found]}, lambda console: _show(console, found)
        )


@app.command("add")
def add(as_json: JsonOption = False) -> None:
    """Put a new key into the file, under which nothing stands yet. Back the file up, and copy it to every machine that serves.

    Where a new key waits already, it stays the one. Needs no database.
    """
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, Secrets.alone() as secrets:
        waiting = secrets.with_next()
        is_new = not secrets.next

        def show(console: Console) -> None:
            done = "is new and waits" if is_new else "waits already"
            console.print(f"Key {waiting.next} {done} in {secrets.path}.", soft_wrap=True)
            console.print("Back this file up now, and give it to every machine that serves. Then: koinon keys rotate")

        out.document({"file": secrets.path, "next": waiting.next, "current": waiting.current, "new": is_new}, show)


@app.command("rotate")
def rotate(
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=100_000, help="How many are wrapped in one transaction.")
    ] = 1000,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Turn to the key that waits, and wrap everything by it again. The site goes on meanwhile.

    Killed or interrupted, it is run again and goes on where it ended; run once more, it finds nothing to do. No personal
    data are opened.
    """
    from koinon.office import keys
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, Secrets.alone() as secrets, opening.books(database) as conn:
        opened = _opened(conn)
        before = secrets.current
        secrets = keys.turn(opened, secrets, actor=ACTOR, at=datetime.now(UTC))
        if secrets.current != before:
            out.progress(f"{secrets.current} is the current key; {before} stays")
        done = keys.rewrap(opened, secrets, at=datetime.now(UTC), told=_telling(out), batch=batch)
        with opened():
            found = keys.standing(conn, secrets, at=datetime.now(UTC))

        def show(console: Console) -> None:
            for what, count in done.items():
                if count:
                    console.print(f"{counted(count, *WHAT[what])} wrapped by {secrets.current}")
            if not any(done.values()):
                console.print(f"Everything was wrapped by {secrets.current} already.")
            for one in found:
                if one.free_from is not None:
                    console.print(_may_go(one), soft_wrap=True)

        content = {"current": secrets.current, "rewrapped": sum(done.values()), "kinds": done}
        out.document({**content, "keys": [_told(one) for one in found]}, show)


@app.command("destroy")
def destroy(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name, as `koinon keys list` prints it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take an old key out of the file for good: no earlier backup of the database can be read with it any more.

    Refused while anything stands under it, and for a day after the turn. Killed or interrupted, it is run again and ends
    what it began.
    """
    from koinon.office import keys
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, Secrets.alone() as secrets, opening.books(database) as conn:
        opened = _opened(conn)
        with opened():
            keys.check_free(conn, secrets, key_id=key, at=datetime.now(UTC))
        if not yes and key in secrets.keys:
            agree(f"Destroy key {key}? Personal data in backups made before the turn can then never be read again.")
        left = keys.destroy(opened, secrets, key_id=key, actor=ACTOR, at=datetime.now(UTC))

        def show(console: Console) -> None:
            console.print(f"Key {key} is out of {secrets.path}.", soft_wrap=True)
            console.print(
                "Destroy the copies of the file that still hold it, on other machines and in backups, and back this "
                "one up.",
                soft_wrap=True,
            )

        out.document({"file": secrets.path, "destroyed": key, "keys": list(left.keys)}, show)


def _opened(conn: Connection[Any]) -> Callable[[], AbstractContextManager[Connection[Any]]]:
    """Opens a transaction of its own on the command's connection, each time it is called."""
    from koinon.db.transactions import transaction

    @contextmanager
    def opened() -> Iterator[Connection[Any]]:
        with transaction(conn):
            yield conn

    conn.rollback()  # Opening the books has looked whether they are up to date.
    return opened


def _telling(out: Output) -> Callable[[str, int, int], None]:
    """Says how far it is when a kind is done, and on the way every few seconds."""
    last = time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if done >= total or time.monotonic() - last > PROGRESS_EVERY_SECONDS:
            last = time.monotonic()
            out.progress(f"{WHAT[what][1]}: {done:,} of {total:,}")

    return tell


def _show(console: Console, found: Sequence[Standing]) -> None:
    from koinon.cli.tables import plain_table

    table = plain_table("key", "", "under it", "may be destroyed")
    for one in found:
        under = ", ".join(counted(count, *WHAT[what]) for what, count in one.held.items()) or "nothing"
        free = "" if one.free_from is None else f"from {_moment(one.free_from)} on"
        table.add_row(one.key_id, one.state, under, free)
    console.print(table)


def _may_go(one: Standing) -> str:
    assert one.free_from is not None
    return (
        f"Nothing is wrapped by {one.key_id} any more. It may be destroyed from {_moment(one.free_from)} on: "
        f"koinon keys destroy {one.key_id}"
    )


def _told(one: Standing) -> dict[str, Any]:
    return {"key": one.key_id, "state": one.state, "under_it": dict(one.held), "may_be_destroyed_from": one.free_from}


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
