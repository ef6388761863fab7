"""Figures for Prometheus: what this process did, and what the ledger says when it is asked."""

import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select

from pipeline.ledger.acks import measure_lag
from pipeline.ledger.database import Database
from pipeline.ledger.outbox import count_unpublished
from schemas.dossier import JobState
from schemas.errors import StoreError
from schemas.page import Verdict
from schemas.tables import dossiers, jobs, pages

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 2.0, 5.0, 15.0, 60.0)
_RECENT_S = 900.0
"""Page latencies are told of pages done in the last quarter of an hour."""

_CHEAP_S, _SHARE = 0.2, 0.01
"""Counting that takes longer than `_CHEAP_S` may fill `_SHARE` of the time: a small ledger is counted at each
scrape, one of ten million pages, which takes seconds, every few minutes."""


class Metrics:
    """The gateway's own registry; nothing of it is global."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "sohoa_http_request_seconds",
            "Time to answer, by route",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "sohoa_upload_stage_seconds",
            "Where an upload's time goes: receive, look, store, ledger",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._looks = Counter(
            "sohoa_fast_looks", "Verdicts of the fast look", ["verdict"], registry=self._registry
        )
        self._registry.register(_LedgerCollector(database))

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def note_stage(self, stage: str, seconds: float) -> None:
        """One stage of an upload is over."""
        self._stages.labels(stage).observe(seconds)

    def note_look(self, verdict: Verdict) -> None:
        """The fast look judged a page."""
        self._looks.labels(verdict.value).inc()

    def expose(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _LedgerCollector:
    """Asked at each scrape; what was counted a moment ago is told again where counting takes long."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._told: list[Metric] = []
        self._again_at = 0.0

    def collect(self) -> Iterator[Metric]:
        """The figures as of now; none but `sohoa_ledger_up` where the ledger does not answer."""
        try:
            yield from self._recall(self._database.read_clock())
            up = 1.0
        except StoreError:
            up = 0.0
        yield GaugeMetricFamily("sohoa_ledger_up", "Whether the ledger answers", value=up)

    def _recall(self, now: float) -> list[Metric]:
        with self._lock:
            began = time.monotonic()
            if began >= self._again_at:
                self._told = self._collect(now)
                took_s = time.monotonic() - began
                self._again_at = time.monotonic() + (took_s / _SHARE if took_s > _CHEAP_S else 0.0)
            return self._told

    def _collect(self, now: float) -> list[Metric]:
        queued = GaugeMetricFamily("sohoa_jobs", "Jobs by kind and state", labels=["kind", "state"])
        age = GaugeMetricFamily("sohoa_queue_age_seconds", "Age of the oldest due job", labels=["kind"])
        by_state = GaugeMetricFamily("sohoa_dossiers", "Dossiers by state", labels=["state"])
        verdicts = GaugeMetricFamily("sohoa_pages", "Current pages by verdict", labels=["verdict"])
        latency = GaugeMetricFamily(
            "sohoa_page_latency_seconds",
            "From a page's upload to its full verdict, over the last 15 minutes",
            labels=["quantile"],
        )
        with self._database.read() as connection:
            for kind, state, count in connection.execute(
                select(jobs.c.kind, jobs.c.state, func.count())
                .where(jobs.c.state.in_([state for state in JobState if state is not JobState.DONE]))
                .group_by(jobs.c.kind, jobs.c.state)
            ):
                queued.add_metric([kind, state], count)
            for kind, oldest in connection.execute(
                select(jobs.c.kind, func.min(jobs.c.next_attempt_at))
                .where(jobs.c.state == JobState.QUEUED, jobs.c.next_attempt_at <= now)
                .group_by(jobs.c.kind)
            ):
                age.add_metric([kind], now - oldest)
            for state, count in connection.execute(
                select(dossiers.c.state, func.count()).group_by(dossiers.c.state)
            ):
                by_state.add_metric([state], count)
            for verdict, count in connection.execute(
                select(pages.c.verdict, func.count())
                .where(pages.c.is_current, pages.c.verdict.is_not(None))
                .group_by(pages.c.verdict)
            ):
                verdicts.add_metric([verdict], count)
            done = sorted(
                connection.execute(
                    select(jobs.c.ended_at - jobs.c.created_at).where(
                        jobs.c.kind == "page",
                        jobs.c.state == JobState.DONE,
                        jobs.c.ended_at > now - _RECENT_S,
                        jobs.c.failure.is_(None),
                    )
                ).scalars()
            )
            unpublished = count_unpublished(connection)
            unacked, lag_s = measure_lag(connection, now)
        for quantile in (0.5, 0.95) if done else ():
            latency.add_metric([str(quantile)], done[min(len(done) - 1, int(quantile * len(done)))])
        return [
            queued,
            age,
            by_state,
            verdicts,
            latency,
            GaugeMetricFamily("sohoa_events_unpublished", "Events without a number", value=unpublished),
            GaugeMetricFamily("sohoa_events_unacked", "Events nobody acknowledged", value=unacked),
            GaugeMetricFamily("sohoa_delivery_lag_seconds", "Age of the oldest of them", value=lag_s),
        ]
