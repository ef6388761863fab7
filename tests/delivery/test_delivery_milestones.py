"""Any order and any repetition of reports ends in the same history: pure, and in the ledger."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from ledger_bench import RECORD, Bench

from pipeline.ledger.audit import verify_audit
from pipeline.ledger.database import open_database, sqlite_url
from pipeline.ledger.holdings import read_history
from pipeline.ledger.milestones import (
    compare_days,
    find_valid,
    identify,
    read_milestones,
    report_milestone,
    tell_history,
)
from pipeline.ledger.outbox import publish_events, read_events
from schemas.milestones import Channel, Milestone, MilestoneKind, ScannedIntake, Timeliness

DAY = 86400.0

made = st.builds(
    Milestone,
    id=st.just(""),
    record_code=st.just(RECORD),
    kind=st.sampled_from(MilestoneKind),
    occurred_at=st.integers(0, 5).map(lambda day: 1_664_000_000.0 + day * DAY),
    channel=st.sampled_from([None, *Channel]),
    place=st.sampled_from([None, "600000", "H21.65"]),
    procedure_code=st.sampled_from([None, "1.004884"]),
    due_at=st.sampled_from([None, 1_664_000_000.0 + 3 * DAY]),
    reported_by=st.sampled_from(["station:a", "station:b", "onestop:c"]),
).map(identify)


@st.composite
def reports(draw: st.DrawFn) -> list[Milestone]:
    """Some milestones, and corrections of them, and corrections of those."""
    found = draw(st.lists(made, max_size=6))
    for _ in range(draw(st.integers(0, 3))):
        if found:
            wrong = draw(st.sampled_from(found))
            found.append(identify(replace(draw(made), corrects=wrong.id)))
    return found


intakes = st.lists(
    st.builds(
        ScannedIntake,
        office=st.sampled_from([None, "600000", "600100"]),
        procedure_code=st.sampled_from([None, "1.004884", "2.000815"]),
        submitted_at=st.sampled_from([1_664_000_000.0, 1_664_000_500.0]),
        first_completed_at=st.sampled_from([None, 1_664_001_000.0]),
    ),
    max_size=3,
)


@given(st.data(), reports(), intakes)
def test_a_history_does_not_depend_on_order_or_repetition(
    data: st.DataObject, reported: list[Milestone], scanned: list[ScannedIntake]
) -> None:
    told = tell_history(RECORD, reported, scanned)
    again = data.draw(st.permutations(reported + data.draw(st.permutations(reported))))
    assert tell_history(RECORD, again, data.draw(st.permutations(scanned))) == told
    assert {one.id for one in find_valid(again)} == {one.id for one in find_valid(reported)}


@given(made)
def test_an_id_is_of_what_is_said(one: Milestone) -> None:
    assert identify(one) == one
    assert identify(replace(one, reported_at=5.0)).id == one.id
    assert identify(replace(one, occurred_at=one.occurred_at + 1)).id != one.id
    assert identify(replace(one, place="700000")).id != one.id


@given(st.floats(1e9, 2e9), st.floats(1e9, 2e9))
@example(1_664_038_799.0, 1_664_038_800.0)  # 23:59:59 and 00:00:00 in Viet Nam
def test_a_day_is_early_on_time_or_late(result_at: float, due_at: float) -> None:
    told = compare_days(result_at, due_at)
    back = compare_days(due_at, result_at)
    pairs = {(Timeliness.EARLY, Timeliness.LATE), (Timeliness.LATE, Timeliness.EARLY)}
    assert (told, back) in pairs | {(Timeliness.ON_TIME, Timeliness.ON_TIME)}
    if abs(result_at - due_at) > DAY:
        assert told is (Timeliness.EARLY if result_at < due_at else Timeliness.LATE)
    if (result_at, due_at) == (1_664_038_799.0, 1_664_038_800.0):
        assert told is Timeliness.EARLY


def say(kind: MilestoneKind, day: float, by: str = "onestop:c", **more: Any) -> Milestone:
    at = 1_664_000_000.0 + day * DAY
    return identify(Milestone("", RECORD, kind, occurred_at=at, reported_by=by, **more))


def test_a_station_takes_away_what_stations_said_and_nothing_of_the_agency() -> None:
    theirs = say(MilestoneKind.RESULT_ISSUED, 5)
    ours = say(MilestoneKind.POSTED, 6, by="station:a", channel=Channel.POST)
    wrong = [
        say(MilestoneKind.RECEIVED, 0, by="station:b", corrects=theirs.id),
        say(MilestoneKind.RECEIVED, 1, by="station:b", corrects=ours.id),
    ]
    valid = {one.id for one in find_valid([theirs, ours, *wrong])}
    assert (theirs.id in valid, ours.id in valid) == (True, False)
    away = say(MilestoneKind.RECEIVED, 2, corrects=wrong[1].id)
    assert ours.id in {one.id for one in find_valid([theirs, ours, *wrong, away])}


def test_the_whole_way_of_a_record(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "ledger.sqlite3"))
    bench = Bench(database, now=1_664_000_000.0)
    due_at = 1_664_000_000.0 + 10 * DAY
    way = [
        say(MilestoneKind.RECEIVED, 0, "station:a", channel=Channel.POST, place="600000", due_at=due_at),
        say(MilestoneKind.HANDED_OVER, 1, "station:a"),
        say(MilestoneKind.SUPPLEMENT_ASKED, 2),
        say(MilestoneKind.RESULT_ISSUED, 8),
        say(MilestoneKind.POSTED, 9, "station:a", place="600000"),
        say(MilestoneKind.DELIVERY_FAILED, 9.5, "station:b", place="600100"),
        say(MilestoneKind.DELIVERED, 10, "station:b", place="600100", channel=Channel.POST),
    ]
    for one in [way[6], way[2], *reversed(way), way[0]]:
        with database.write() as connection:
            _, repeated = report_milestone(connection, one, 1_665_000_000.0)
    assert repeated
    dossier_id = bench.register(2)
    bench.now += 60
    bench.work_all(dossier_id)
    with database.write() as connection:
        publish_events(connection)
    with database.read() as connection:
        history = read_history(connection, RECORD)
        told = read_milestones(connection, RECORD)
        events = read_events(connection)
        assert verify_audit(connection).broken_at is None
    database.close()
    assert [one.id for one in told] == [one.id for one in way]
    assert history.received_at == way[0].occurred_at
    assert (history.channel, history.office, history.agency) == (Channel.POST, "600000", "H21.65")
    assert (history.timeliness, history.supplements, history.failed_deliveries) == (Timeliness.EARLY, 1, 1)
    assert (history.return_channel, history.return_office) == (Channel.POST, "600100")
    assert history.digitised_at == bench.now
    types = [event.type for event in events]
    assert (types.count("record.milestone"), types.count("dossier.completed")) == (7, 1)
    assert len({event.id for event in events}) == 8
