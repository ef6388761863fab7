"""The broker carries hints: one message, one job id. The ledger knows what is to be done."""

import logging
from typing import TypeAlias

import dramatiq
from dramatiq.brokers.stub import StubBroker

from schemas.dossier import JobKind
from schemas.errors import UsageError

JobActor: TypeAlias = dramatiq.Actor[[str], None]

QUEUES = {JobKind.PAGE: "page", JobKind.DOCUMENT: "io"}
"""Reading fills cores; binding and storing wait for disks: a queue each."""


def open_broker(url: str | None, middleware: list[dramatiq.Middleware]) -> dramatiq.Broker:
    """In-process without `url`; RabbitMQ for `amqp://` or `amqps://`. Raises `UsageError`.

    dramatiq's own middleware stays out: its retries, time limits and callbacks are the ledger's here.
    """
    # dramatiq logs whole exceptions, whose text may hold page text; failures are logged by the actors.
    logging.getLogger("dramatiq").setLevel(logging.CRITICAL)
    if url is None:
        return StubBroker(middleware=middleware)
    if not url.startswith(("amqp://", "amqps://")):
        raise UsageError("the broker's address must begin with amqp:// or amqps://")
    from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415 -- needs pika, production only

    return RabbitmqBroker(url=url, confirm_delivery=True, middleware=middleware)
