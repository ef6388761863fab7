"""`sohoa deliver`: webhooks to one-stop systems: run, look, replay; their endpoints and secrets."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.delivery import DeliveryState, ReplayChoice
from schemas.errors import OutputError, UsageError
from scripts.cli.logs import log_to_stderr

if TYPE_CHECKING:
    from workers.home import Home

deliver = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Events to one-stop systems, as webhooks."
)
endpoints = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Where one-stop clients are told.")
deliver.add_typer(endpoints, name="endpoints")


class Adapter(StrEnum):
    """In which form an endpoint is told."""

    WEBHOOK = "webhook"
    PORTAL = "portal"


EndpointId = Annotated[str, typer.Argument(metavar="ID", help="as 'sohoa deliver endpoints list' shows it")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="write the secret there (0600), not on the terminal")
]


@deliver.command()
def run() -> None:
    """Deliver until stopped (SIGTERM). Several may run at once; none needs the broker."""
    from workers.delivery.courier import Courier

    log_to_stderr()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with _open() as home:
        courier = Courier(home)
        courier.start()
        print("delivering", flush=True)
        while not stopping.wait(1.0) and courier.is_alive():
            pass
        courier.stop()
    if not stopping.is_set():
        raise typer.Exit(70)


@deliver.command()
def status(
    endpoint: Annotated[
        str | None, typer.Option(metavar="ID", help="only this endpoint's deliveries")
    ] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="list deliveries in this state")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="newest deliveries to list")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show how many deliveries stand where, and with --endpoint or --state which."""
    from pipeline.ledger.deliveries import list_deliveries, tally_deliveries

    with _open() as home, home.database.read() as connection:
        tallies = tally_deliveries(connection)
        listed = (
            list_deliveries(connection, endpoint_id=endpoint, state=state, limit=limit)
            if endpoint or state
            else ()
        )
    if as_json:
        told = {"endpoints": [asdict(one) for one in tallies], "deliveries": [asdict(one) for one in listed]}
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    for tally in tallies:
        counts = " ".join(f"{kind}={tally.counts.get(kind, 0)}" for kind in DeliveryState)
        waits = f" oldest_s={home.now() - tally.oldest_at:.0f}" if tally.oldest_at is not None else ""
        print(f"{tally.endpoint.id}  {tally.endpoint.state:<8}  {counts}{waits}")
    for one in listed:
        ended = f"{datetime.fromtimestamp(one.ended_at):%Y-%m-%d %H:%M}" if one.ended_at else "-"
        why = one.failure or ""
        print(
            f"{one.event_id}  {one.record_code}  {one.endpoint}  {one.state:<9}  attempts={one.attempt}  "
            f"{ended}  {why}".rstrip()
        )


@deliver.command()
def replay(
    endpoint: Annotated[str | None, typer.Option(metavar="ID", help="only to this endpoint")] = None,
    event: Annotated[str | None, typer.Option(metavar="ID", help="only this event")] = None,
    since: Annotated[datetime | None, typer.Option(help="events created from then on (local time)")] = None,
    until: Annotated[datetime | None, typer.Option(help="events created before then (local time)")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="only what is dead")] = False,
) -> None:
    """Send again what was delivered or is dead, with the same webhook-id; receivers drop what they have."""
    from pipeline.ledger.deliveries import replay as queue_again
    from pipeline.ledger.endpoints import list_endpoints
    from workers.submit import name_actor

    if endpoint is None and event is None and since is None and not dead:
        raise UsageError("nothing is chosen", advice="give --event, --endpoint, --since or --dead")
    chosen = ReplayChoice(
        event,
        since.timestamp() if since else None,
        until.timestamp() if until else None,
        only_dead=dead,
    )
    with _open() as home:
        with home.database.read() as connection:
            known = [one.id for one in list_endpoints(connection)]
        count = sum(
            home.database.transact(lambda c, one=one: queue_again(c, one, chosen, name_actor(), home.now()))
            for one in ([endpoint] if endpoint else known)
        )
    print(f"{count} deliveries queued again")


@endpoints.command()
def add(
    client: Annotated[str, typer.Option(metavar="ID", help="a one-stop client's key, see 'sohoa keys list'")],
    url: Annotated[str, typer.Option(metavar="URL", help="https://... (http:// on this machine alone)")],
    adapter: Annotated[Adapter | None, typer.Option(help="else as the settings say")] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="tell it of all earlier events, too")
    ] = False,
    out: Out = None,
) -> None:
    """Register an endpoint and show its secret, this once: it is kept in a file, never in the ledger."""
    from pipeline.ledger.endpoints import add_endpoint
    from workers.delivery.addresses import check_url
    from workers.delivery.secrets import open_secrets
    from workers.submit import name_actor

    check_url(url)
    with _open() as home:
        secrets = open_secrets(home.settings)
        form = adapter.value if adapter else home.settings.delivery.adapter
        with home.database.write() as connection:
            made = add_endpoint(
                connection, client, url, form, name_actor(), home.now(), from_start=from_start
            )
            secret = secrets.make(made.id)
            if out is not None:
                _write_secret(out, secret)
    print(f"endpoint={made.id}" + ("" if out else f"\nsecret={secret}"))


@endpoints.command(name="list")
def list_all(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show every endpoint."""
    from pipeline.ledger.endpoints import list_endpoints

    with _open() as home, home.database.read() as connection:
        found = list_endpoints(connection)
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
        return
    for one in found:
        bound = " ".join(one.agencies) or "client revoked"
        print(
            f"{one.id}  {one.state:<8}  {one.adapter:<7}  {one.client}  {bound:<20}  {one.url}  "
            f"{one.disabled_reason or ''}".rstrip()
        )


@endpoints.command()
def disable(endpoint_id: EndpointId) -> None:
    """Send nothing there; what is queued waits."""
    from pipeline.ledger.endpoints import disable_endpoint
    from workers.submit import name_actor

    with _open() as home, home.database.write() as connection:
        disable_endpoint(connection, endpoint_id, "by an administrator", name_actor(), home.now())
    print(f"{endpoint_id} disabled")


@endpoints.command()
def enable(endpoint_id: EndpointId) -> None:
    """Send there again, beginning with what waits."""
    from pipeline.ledger.endpoints import enable_endpoint
    from workers.submit import name_actor

    with _open() as home, home.database.write() as connection:
        enable_endpoint(connection, endpoint_id, name_actor(), home.now())
    print(f"{endpoint_id} enabled")


@endpoints.command()
def rotate(
    endpoint_id: EndpointId,
    retire: Annotated[
        bool, typer.Option("--retire", help="instead: drop all secrets but the newest")
    ] = False,
    out: Out = None,
) -> None:
    """Make a new secret that signs beside the old one; --retire ends the old one when the receiver has it."""
    from pipeline.ledger.audit import append_audit
    from pipeline.ledger.endpoints import read_endpoint
    from workers.delivery.secrets import open_secrets
    from workers.submit import name_actor

    with _open() as home:
        secrets = open_secrets(home.settings)
        with home.database.write() as connection:
            read_endpoint(connection, endpoint_id)
            action = "secret.retired" if retire else "secret.made"
            append_audit(connection, name_actor(), action, endpoint_id, home.now())
            if retire:
                print(f"{secrets.retire(endpoint_id)} secrets retired")
                return
            secret = secrets.make(endpoint_id)
            if out is not None:
                _write_secret(out, secret)
    print(f"{endpoint_id} {out}" if out else f"secret={secret}")


@deliver.command(name="revoke-links")
def revoke_links(
    link: Annotated[
        str | None, typer.Option(metavar="ID", help="one link, as the audit log names it")
    ] = None,
    file: Annotated[int | None, typer.Option(metavar="N", help="every link to this file")] = None,
    client: Annotated[str | None, typer.Option(metavar="ID", help="every link of this client")] = None,
) -> None:
    """End addresses of files that were given to the portal."""
    from pipeline.ledger.links import revoke_links as end_links
    from workers.submit import name_actor

    if link is None and file is None and client is None:
        raise UsageError("nothing is chosen", advice="give --link, --file or --client")
    with _open() as home, home.database.write() as connection:
        count = end_links(connection, name_actor(), home.now(), link_id=link, file_id=file, client=client)
    print(f"{count} links revoked")


@contextmanager
def _open() -> "Iterator[Home]":
    from schemas.settings import Settings
    from workers.home import open_home

    home = open_home(Settings())
    try:
        yield home
    finally:
        home.close()


def _write_secret(path: Path, secret: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(f"{secret}\n")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", advice="choose a new file") from error
