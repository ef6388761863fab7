"""What parent, fork server and decoding child say to each other: one JSON object per packet.

Packets are SOCK_SEQPACKET messages; files and pixels travel as descriptors beside them. Nothing is
ever unpickled: a child that a hostile file has taken over can only send numbers and short lines.
"""

import json
import socket
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

PACKET_BYTES = 16 * 1024
MAX_FDS = 4
MAX_OWN_TEXT = 1200
"""Characters of a page's own text that are told: enough to judge it, and at 12 bytes each (a surrogate pair
in JSON) they fit a packet."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """The part of `Limits` the child needs (without pydantic, whose import would cost 0.1 CPU s)."""

    max_bytes: int
    max_pages: int
    max_pixels: int
    memory_bytes: int
    cpu_s: int
    timeout_s: float

    def to_message(self) -> Message:
        """As JSON can carry it."""
        return asdict(self)


def send(connection: socket.socket, message: Message, fds: tuple[int, ...] = ()) -> None:
    """Send one packet. Raises `OSError` when the other side is gone."""
    socket.send_fds(connection, [json.dumps(message).encode()], list(fds))


def receive(connection: socket.socket) -> tuple[Message | None, list[int]]:
    """Receive one packet; None when the other side closed or sent no JSON object.

    Descriptors that come along are close-on-exec; the caller owns them.
    """
    data, fds, _, _ = socket.recv_fds(connection, PACKET_BYTES, MAX_FDS)
    try:
        message = json.loads(data) if data else None
    except (ValueError, RecursionError):
        message = None
    return (message if isinstance(message, dict) else None), fds
