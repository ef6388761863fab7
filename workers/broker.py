"""The broker carries hints: one message, one job id. The ledger knows what is to be done."""

import logging
from enum import StrEnum
from typing import TypeAlias

import dramatiq
from dramatiq.brokers.stub import StubBroker

from schemas.dossier import JobKind
from schemas.errors import BrokerAwayError, MissingDependencyError, UsageError

JobActor: TypeAlias = dramatiq.Actor[[str], None]


class Lane(StrEnum):
    """A queue each, with workers of its own.

    Reading fills cores; binding and storing wait for disks. A page of the counter never waits until a worker
    has done a page of a batch: the counter's workers run beside the batch's, which give way to them.
    """

    COUNTER = "counter"
    PAGE = "page"
    IO = "io"


MAX_PRIORITY = 3
"""RabbitMQ's levels: ledger priority 0 (counter) is level 3, 1 (batch) level 2, and so on down to 0."""

HEARTBEAT_S = 30
"""How soon a connection that a network cut silently is given up."""

_STUCK_AFTER_S = 30


def open_broker(url: str | None, middleware: list[dramatiq.Middleware]) -> dramatiq.Broker:
    """In-process without `url`; RabbitMQ for `amqp://` or `amqps://`. Raises `UsageError`.

    On RabbitMQ the queues are durable classic ones with priorities, and every message is confirmed.
    dramatiq's own middleware stays out: its retries, time limits and callbacks are the ledger's here.
    """
    # dramatiq logs whole exceptions, whose text may hold page text; failures are logged by the actors.
    logging.getLogger("dramatiq").setLevel(logging.CRITICAL)
    if url is None:
        return StubBroker(middleware=middleware)
    if not url.startswith(("amqp://", "amqps://")):
        raise UsageError("the broker's address must begin with amqp:// or amqps://")
    try:
        import pika  # noqa: PLC0415 -- production only
        from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the broker's client {error.name} is missing", advice="pip install 'sohoa[production]'"
        ) from error
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # a broker that restarts is told once, by us
    try:
        parameters = pika.URLParameters(url)
    except ValueError as error:
        raise UsageError(
            "the broker's address cannot be read", advice="amqp://USER:PASSWORD@HOST/"
        ) from error
    broker = RabbitmqBroker(url=url, confirm_delivery=True, max_priority=MAX_PRIORITY, middleware=middleware)
    parameters.heartbeat = HEARTBEAT_S
    parameters.blocked_connection_timeout = _STUCK_AFTER_S
    broker.parameters = parameters
    return broker


def check_broker(url: str) -> None:
    """Raises `BrokerAwayError` where RabbitMQ does not answer, `UsageError` where `url` is no address."""
    broker = open_broker(url, [])
    try:
        broker.connection.close()  # RabbitMQ's alone has one
    except Exception as error:  # pika raises its own and the system's, of no common kind
        raise BrokerAwayError(f"the broker does not answer: {type(error).__name__}") from error


COUNTER_PRIORITY = 0
"""The ledger's priority of what was handed in while somebody waits."""


def choose_lane(kind: JobKind, priority: int) -> Lane:
    """Where a job is worked."""
    if kind is JobKind.DOCUMENT:
        return Lane.IO
    return Lane.COUNTER if priority == COUNTER_PRIORITY else Lane.PAGE


def send_hint(actor: JobActor, job_id: str, priority: int) -> None:
    """One message, one job id. Raises `BrokerAwayError`."""
    try:
        actor.send_with_options(args=(job_id,), broker_priority=max(0, MAX_PRIORITY - priority))
    except (dramatiq.BrokerError, OSError) as error:
        raise BrokerAwayError(f"the broker takes no message: {type(error).__name__}") from error
