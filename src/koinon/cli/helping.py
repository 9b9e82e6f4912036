"""What the commands share that help people without a telephone that shows pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from psycopg import Connection

    from koinon.parties.naming import Reader
    from koinon.parties.types import TownFacts

PartyArgument = Annotated[
    UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")
]
NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not be there yet.")]
KeyOption = Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key does it once.")]


def vault_of(conn: Connection[Any]) -> Any:
    """The vault, with the secrets of this installation."""
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    return Vault(conn, Secrets.load())


def reader_of(conn: Connection[Any], town: TownFacts, who: str) -> Reader:
    """Who acts, and whether they may see who people are as an officer of this town."""
    from koinon.parties import queries
    from koinon.parties.naming import Reader

    staff = queries.staff(conn, town_id=town.id)
    return Reader(who, any(f"user:{one.id}" == who and "officer" in one.sees_personal_data for one in staff))
