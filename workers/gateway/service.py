"""What every endpoint of one gateway process shares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from schemas.access import Principal
from schemas.errors import ConflictError
from workers.delivery.links import LinkKey
from workers.gateway.gate import Gate
from workers.gateway.limits import Seats
from workers.gateway.looking import Looker
from workers.gateway.metrics import Metrics
from workers.gateway.pieces import Pieces
from workers.gateway.proofs import Proofs
from workers.gateway.readiness import Readiness
from workers.gateway.tokens import Tokens
from workers.gateway.watching import Watchtower
from workers.home import Home
from workers.receipts import ReceiptSigner

Result = TypeVar("Result")

_WRITE_ATTEMPTS = 3
"""Two requests that insert the same original or record at once: the later one finds it the second time."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway over one home. `on_change` is called when there is new work in the ledger."""

    home: Home
    gate: Gate
    tokens: Tokens
    proofs: Proofs
    looker: Looker
    pieces: Pieces
    metrics: Metrics
    tower: Watchtower
    seats: Seats
    readiness: Readiness
    receipts: ReceiptSigner
    links: LinkKey
    on_change: Callable[[], None]

    @property
    def incoming(self) -> Path:
        """Where uploads lie until they are in the store."""
        return self.home.settings.home / "incoming"

    def write(self, change: Callable[[Connection], Result]) -> Result:
        """One transaction. Raises what `change` raises, and `StoreError`."""
        for attempt in range(1, _WRITE_ATTEMPTS + 1):
            try:
                return self.home.database.transact(change)
            except IntegrityError as error:
                if attempt == _WRITE_ATTEMPTS:
                    raise ConflictError(
                        "another request was changing the same", advice="try again"
                    ) from error
        raise AssertionError  # the loop returns or raises

    def read(self, ask: Callable[[Connection], Result]) -> Result:
        """One consistent view. Raises what `ask` raises, and `StoreError`."""
        with self.home.database.read() as connection:
            return ask(connection)


def _get_gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def _get_principal(request: Request) -> Principal:
    principal: Principal = request.scope["sohoa_principal"]  # set by the gate, or nothing gets here
    return principal


TheGateway = Annotated[Gateway, Depends(_get_gateway)]
Caller = Annotated[Principal, Depends(_get_principal)]
