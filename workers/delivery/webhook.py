"""Events as *Standard Webhooks*: a reference and SHA-256 of each file, signed by every secret in use.

`webhook-id` is the event's own, the same at every attempt and replay: a receiver that keeps it sees each
event once.
"""

import json
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from schemas.api_delivery import EventView

USER_AGENT = "sohoa-delivery"


def name_message(event_id: str) -> str:
    """`evt_` and the event's id, without points: they part the fields of what is signed."""
    return f"evt_{event_id.replace('.', '_')}"


def write_body(event: EventView, gateway_address: str | None) -> bytes:
    """The event as the feed tells it; addresses of files are whole where the gateway's own is known."""
    told: dict[str, Any] = event.model_dump(mode="json")
    if gateway_address is not None:
        for file in told["files"]:
            if file["content"] is not None:
                file["content"] = gateway_address.rstrip("/") + file["content"]
    body = {"type": event.type, "timestamp": told["created_at"], "data": told}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def sign_headers(message_id: str, body: bytes, secrets: tuple[str, ...], at: datetime) -> dict[str, str]:
    """The three headers; `at` is of this attempt, so that a receiver may refuse what is old."""
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
        "user-agent": USER_AGENT,
    }
