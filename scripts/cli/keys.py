"""`sohoa keys`: who may use the gateway."""

import json
import os
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.access import KeyBinding, Role
from schemas.errors import OutputError

if TYPE_CHECKING:
    from workers.home import Home

keys = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keys of the gateway: issue, list, revoke, rotate."
)


@keys.command()
def issue(
    role: Annotated[Role, typer.Option(help="what the key is for")],
    office: Annotated[str | None, typer.Option(metavar="CODE", help="a station's post office")] = None,
    station: Annotated[
        str | None, typer.Option(metavar="NAME", help="which station of that office; 1 if not told")
    ] = None,
    agency: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="a one-stop client's agency, e.g. H21.65; may be repeated"),
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="for the list")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the key there (0600), not on the terminal")
    ] = None,
) -> None:
    """Make a key and show it, this once: only its SHA-256 is kept.

    A station's new key opens the dossiers of the same station's old one. A one-stop client gets a client id
    and a secret for /v1/oauth/token.
    """
    from pipeline.ledger.access_keys import issue_key
    from workers.submit import name_actor

    home = _open()
    try:
        with home.database.write() as connection:
            binding = KeyBinding(office, station, tuple(agency or ()))
            made, key = issue_key(connection, role, name_actor(), home.now(), label=label, binding=binding)
            if out is not None:
                _write_key(out, key)
    finally:
        home.close()
    if out is not None:
        print(f"{made.id} {out}")
    elif role is Role.ONESTOP:
        print(f"client_id={made.id}\nclient_secret={key.rpartition('_')[2]}")
    else:
        print(key)


@keys.command(name="list")
def list_all(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show every key ever issued; no secret is kept that could be shown."""
    from pipeline.ledger.access_keys import list_keys

    home = _open()
    try:
        with home.database.read() as connection:
            found = list_keys(connection)
    finally:
        home.close()
    if as_json:
        print(json.dumps([asdict(key) for key in found], ensure_ascii=False, indent=1))
        return
    for key in found:
        bound = " ".join(filter(None, [key.office, key.station, *key.agencies]))
        state = "revoked" if key.revoked_at else "valid"
        since = datetime.fromtimestamp(key.created_at).astimezone()
        print(
            f"{key.id}  {key.role:<10}  {state:<7}  {since:%Y-%m-%d %H:%M}  {bound:<20}  {key.label}".rstrip()
        )


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="as 'sohoa keys list' shows it")],
) -> None:
    """Close the door to a key, at once and for its tokens, too."""
    from pipeline.ledger.access_keys import revoke_key
    from workers.submit import name_actor

    home = _open()
    try:
        with home.database.write() as connection:
            revoke_key(connection, key_id, name_actor(), home.now())
    finally:
        home.close()
    print(f"{key_id} revoked")


@keys.command()
def rotate() -> None:
    """Make a new key that signs tokens; the old ones verify what they signed until it has expired."""
    from pipeline.ledger.audit import append_audit
    from workers.gateway.tokens import TokenKeys
    from workers.submit import name_actor

    home = _open()
    try:
        settings = home.settings.gateway
        token_keys = TokenKeys(settings.token_keys or home.keys / "tokens")
        now = time.time()
        kid = token_keys.rotate()
        gone = token_keys.retire(2 * settings.token_lifetime_s, now)
        with home.database.write() as connection:
            append_audit(connection, name_actor(), "token_key.rotated", kid, now, retired=len(gone))
    finally:
        home.close()
    print(f"{kid} signs from now on; {len(gone)} retired")


def _open() -> "Home":
    from schemas.settings import Settings
    from workers.home import open_home

    return open_home(Settings())


def _write_key(path: Path, key: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(f"{key}\n")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", advice="choose a new file") from error
