"""What an attempt sends: the event read from the ledger and put into the endpoint's form."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from pipeline.ledger.audit import SYSTEM
from pipeline.ledger.deliveries import read_event, was_told
from pipeline.ledger.holdings import find_file_ids, read_file, read_handover
from pipeline.ledger.links import lend_link
from schemas.delivery import DeliveryClaim, SendOutcome
from schemas.errors import NotFoundError, UsageError
from schemas.ledger import DossierCompleted, Event
from workers.delivery.links import LinkKey
from workers.delivery.portal import PortalFile, PortalRecord, judge_portal, write_portal_body
from workers.delivery.secrets import WebhookSecrets
from workers.delivery.sending import Answer, Message, judge_status
from workers.delivery.webhook import USER_AGENT, name_message, sign_headers, write_body
from workers.gateway.views import tell_event
from workers.home import Home, read_secret

LINK_PATH = "/v1/links/"

Judge = Callable[[Answer], SendOutcome]


class Composer:
    """Knows the secrets and the forms. Raises `StoreError` where a secret cannot be read."""

    def __init__(self, home: Home, secrets: WebhookSecrets, links: LinkKey) -> None:
        self._home = home
        self._settings = home.settings.delivery
        self._secrets = secrets
        self._links = links

    def compose(self, claim: DeliveryClaim) -> tuple[Message, Judge]:
        """The message, and how its answer is read. Raises `StoreError`, `UsageError`, `NotFoundError`."""
        with self._home.database.read() as connection:
            event = read_event(connection, claim.event_id)
        message_id, at = name_message(event.id), datetime.now(UTC)
        if claim.endpoint.adapter == "portal":
            body = self._write_portal(claim, event)
            headers = {
                "webhook-id": message_id,
                "content-type": "application/json",
                "user-agent": USER_AGENT,
            }
            return Message(claim.endpoint.url, headers, body), judge_portal
        body = write_body(tell_event(event, self._find_files(event)), self._settings.gateway_address)
        signed = sign_headers(message_id, body, self._secrets.read(claim.endpoint.id), at)
        return Message(claim.endpoint.url, signed, body), judge_status

    def _find_files(self, event: Event) -> dict[str, int]:
        with self._home.database.read() as connection:
            return find_file_ids(connection, [file.key for file in event.files])

    def _write_portal(self, claim: DeliveryClaim, event: Event) -> bytes:
        gateway_address = self._settings.gateway_address
        if gateway_address is None:
            raise UsageError(
                "the portal fetches files by address, and the gateway's own is not set",
                advice="set SOHOA_DELIVERY__GATEWAY_ADDRESS",
            )
        ids, now = self._find_files(event), self._home.now()
        record = self._home.database.transact(
            lambda c: self._tell_record(c, claim, event, list(ids.values()), gateway_address, now)
        )
        session = read_secret(None, self._settings.portal.session_file)
        return write_portal_body(record, self._settings.portal, session)

    def _tell_record(
        self,
        connection: Connection,
        claim: DeliveryClaim,
        event: Event,
        file_ids: list[int],
        gateway_address: str,
        now: float,
    ) -> PortalRecord:
        payload = event.payload
        if not isinstance(payload, DossierCompleted):
            raise NotFoundError("the event tells of no files", advice="nothing to do")
        handover = read_handover(connection, payload.dossier_id)
        return PortalRecord(
            record_code=payload.record_code,
            procedure_code=handover.procedure_code,
            is_result=payload.kind == "result",
            received_at=handover.submitted_at,
            again=was_told(connection, claim.endpoint.id, payload.record_code),
            files=[
                self._lend(connection, file_id, claim.endpoint.client, gateway_address, now)
                for file_id in sorted(file_ids)
            ],
        )

    def _lend(
        self, connection: Connection, file_id: int, client: str, gateway_address: str, now: float
    ) -> PortalFile:
        found = read_file(connection, file_id)
        if found is None:
            raise NotFoundError("a file of the event is not registered")
        file, _ = found
        link = lend_link(connection, file.id, client, self._settings.link_days * 86400, SYSTEM, now)
        url = f"{gateway_address.rstrip('/')}{LINK_PATH}{self._links.make_token(link.id)}"
        return PortalFile(file.id, file.name, file.type_code, url)
