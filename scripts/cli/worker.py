"""`sohoa worker` and `sohoa sweeper`: the processes of production, over PostgreSQL, RabbitMQ and S3."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from scripts.cli.logs import log_to_stderr


class Queue(StrEnum):
    """What a worker works: pages fill cores, binding and storing wait for disks and networks."""

    PAGE = "page"
    IO = "io"


def worker(
    queue: Annotated[Queue, typer.Option(help="page: reading; io: binding, signing, storing")] = Queue.PAGE,
    processes: Annotated[
        int, typer.Option(min=0, metavar="N", help="how many; 0: one a core for pages, one for io")
    ] = 0,
    lane: Annotated[str | None, typer.Option(hidden=True)] = None,
    name: Annotated[str | None, typer.Option(hidden=True)] = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Work the jobs that come over RabbitMQ until stopped (SIGTERM).

    For pages there are N for the counter and N for batches, which give way to the first.
    A job at work is finished first, within SOHOA_STOP_TIMEOUT_S. A worker process that dies is replaced.
    """
    from schemas.settings import Settings
    from workers.broker import Lane
    from workers.worker import require_broker, run_worker

    log_to_stderr()
    settings = Settings()
    if name is not None and lane is not None:
        run_worker(settings, Lane(lane), name, parent)
        return
    from workers.supervisor import Supervisor

    require_broker(settings)
    count = processes or (settings.jobs or len(os.sched_getaffinity(0)) if queue is Queue.PAGE else 1)
    command = [sys.executable, "-c", "from scripts.cli import main; main()", "worker", "--lane"]
    lanes = (Lane.COUNTER, Lane.PAGE) if queue is Queue.PAGE else (Lane.IO,)
    Supervisor(settings, [[*command, lane] for lane in lanes], count).run()


def sweeper() -> None:
    """Send due jobs to the workers, take back those of dead workers, number events, until stopped.

    Several may run at once.
    """
    from schemas.settings import Settings
    from workers.worker import run_sweeper

    log_to_stderr()
    run_sweeper(Settings())
