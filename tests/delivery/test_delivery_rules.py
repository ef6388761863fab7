"""The pure parts: delays, addresses, forms; and the ledger's deliveries against a model."""

import json
import tempfile
from collections import defaultdict
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledger_bench import Bench, original

from pipeline.ledger.access_keys import issue_key
from pipeline.ledger.audit import verify_audit
from pipeline.ledger.database import open_database, sqlite_url
from pipeline.ledger.deliveries import (
    claim_deliveries,
    delay_after,
    end_attempt,
    feed_endpoint,
    list_deliveries,
    replay,
    requeue_lost,
)
from pipeline.ledger.dossiers import register_dossier
from pipeline.ledger.endpoints import add_endpoint
from pipeline.ledger.outbox import publish_events
from schemas.access import KeyBinding, Role
from schemas.delivery import DeliveryClaim, DeliveryPolicy, DeliveryState, ReplayChoice, SendOutcome
from schemas.delivery_settings import DeliverySettings, PortalSettings
from schemas.errors import LeaseLostError, UsageError
from schemas.ledger import NewDocument, NewDossier
from workers.delivery.addresses import check_url, judge_address
from workers.delivery.links import LinkKey
from workers.delivery.portal import PortalFile, PortalRecord, judge_portal, write_portal_body
from workers.delivery.sending import Answer

POLICY = DeliveryPolicy(attempts=3, first_delay_s=5.0, max_delay_s=600.0)
LEASE_S = 60.0


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_delays_grow_to_the_longest_and_never_vanish(attempt: int, draw: float) -> None:
    now, later = delay_after(attempt, POLICY, draw), delay_after(attempt + 1, POLICY, draw)
    assert 2.5 <= now <= later <= 600.0


def test_the_default_attempts_last_about_a_day() -> None:
    told = DeliverySettings()
    policy = DeliveryPolicy(told.attempts, told.first_delay_s, told.max_delay_s)
    shortest = sum(delay_after(attempt, policy, 0.0) for attempt in range(1, told.attempts))
    longest = sum(delay_after(attempt, policy, 1.0) for attempt in range(1, told.attempts))
    assert 11 * 3600 < shortest < longest < 26 * 3600


def test_a_lease_outlasts_an_attempt() -> None:
    with pytest.raises(ValueError, match="lease_s"):
        DeliverySettings(lease_s=20, timeout_s=15)


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
    "2002:0a00:0001::", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2001:db8::1", "192.0.2.1",
]  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_no_private_address_is_sent_to(text: str) -> None:
    assert judge_address(ip_address(text), (), tls=True) is not None


@pytest.mark.parametrize("text", ["1.1.1.1", "203.162.4.190", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_sent_to_by_tls_alone(text: str) -> None:
    assert judge_address(ip_address(text), (), tls=True) is None
    assert judge_address(ip_address(text), ("0.0.0.0/0", "::/0"), tls=False) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://one-stop.example/x", "ftp://x/", "https://a:b@x/", "https://x/#y", "https://", "x", "",
        "https://x:0/", "https://x:99999/", "https://x/ y", "https://đ.vn/", "https://x/" + "y" * 2000,
        "http://127.0.0.1.example/", "https://[::1", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_urls_that_are_no_endpoint(url: str) -> None:
    with pytest.raises(UsageError):
        check_url(url)


@given(st.integers(0, 2**32 - 1))
def test_an_allowed_network_is_all_that_an_allowance_opens(number: int) -> None:
    address = IPv4Address(number)
    mapped = IPv6Address(f"::ffff:{address}")
    for meant in (address, mapped):
        judged = judge_address(meant, ("10.20.0.0/16",), tls=True)
        if str(address).startswith("10.20."):
            assert judged is None
        elif address.is_private or address.is_multicast:
            assert judged is not None


@given(st.binary(min_size=32, max_size=64), st.integers(0, 95), st.sampled_from("0123456789abcdef"))
def test_a_token_opens_its_own_link_alone(key: bytes, place: int, digit: str) -> None:
    token = LinkKey(key).make_token("ab" * 16)
    assert LinkKey(key).read_token(token) == "ab" * 16
    changed = token[:place] + digit + token[place + 1 :]
    assert changed == token or LinkKey(key).read_token(changed) is None
    assert LinkKey(key + b"x").read_token(token) is None


def test_the_portal_is_told_in_its_own_words() -> None:
    file = PortalFile(7, "H21.65-220914-0011.1.pdf", "KQ.G1", "https://so.example/v1/links/x")
    told = PortalRecord("H21.65-220914-0011", "1.004884", False, 1_664_000_000.0, False, [file])
    body = json.loads(write_portal_body(told, PortalSettings(unit_code="000.H21"), "s"))
    assert (body["service"], body["isUpdating"], body["madonvi"]) == (
        "DongBoHoSoMC",
        "False",
        "000.H21",
    )
    (record,) = body["data"]
    assert record["NgayTiepNhan"] == "20220924131320"
    assert record["DanhSachGiayToKetQua"] == []
    (paper,) = record["TaiLieuNop"]
    assert set(paper) == {
        "TepDinhKemId", "TenTepDinhKem", "IsDeleted", "MaThanhPhanHoSo", "DuongDanTaiTepTin", "DuocSoHoa",
        "DuocTaiSuDung", "DuocLayTuKhoDMQG", "MaKetQuaThayThe",
    }  # fmt: skip
    assert (paper["DuongDanTaiTepTin"], paper["TenTepDinhKem"]) == (file.url, file.name)
    result = PortalRecord("H21.65-220914-0011", None, True, 0.0, True, [file])
    (record,) = json.loads(write_portal_body(result, PortalSettings(), None))["data"]
    assert record["TaiLieuNop"] == []
    assert record["DanhSachGiayToKetQua"][0]["DuongDanTepTinKetQua"] == file.url


@pytest.mark.parametrize(
    ("status", "body", "taken"),
    [
        (200, b'{"error_code": "0"}', True),
        (200, b'{"error_code": 0}', True),
        (200, b'{"error_code": "-1"}', False),
        (200, b'{"error_code": "Nguy\xe1\xbb\x85n V\xc4\x83n A 064090123456"}', False),
        (200, b"[]", False),
        (200, b"<html>", False),
        (500, b'{"error_code": "0"}', False),
    ],
)
def test_the_portal_takes_only_what_it_says_it_took(status: int, body: bytes, taken: bool) -> None:
    outcome = judge_portal(Answer(status, body, False, None))
    assert (outcome.failure is None) is taken
    assert "064090123456" not in (outcome.failure or "")


class Deliveries(RuleBasedStateMachine):
    """Any order of events, claims, ends, deaths, replays; two couriers, one of which may freeze."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = open_database(sqlite_url(Path(self.folder.name) / "ledger.sqlite3"))
        self.bench = Bench(self.database)
        self.now = 2_000.0
        self.held: list[DeliveryClaim] = []
        self.last_sent: dict[str, int] = defaultdict(int)
        with self.database.write() as connection:
            binding = KeyBinding(agencies=("H21",))
            key, _ = issue_key(connection, Role.ONESTOP, "uid:1", 1.0, binding=binding)
            self.endpoint = add_endpoint(connection, key.id, "https://x/", "webhook", "uid:1", 1.0).id

    def teardown(self) -> None:
        with self.database.read() as connection:
            assert verify_audit(connection).broken_at is None
        self.database.close()
        self.folder.cleanup()

    @rule(record=st.sampled_from(["H21.65-220914-0001", "H21.65-220914-0002"]))
    def publish(self, record: str) -> None:
        new = NewDossier(record, (NewDocument("Tờ", original("x"), 1),))
        with self.database.write() as connection:
            dossier_id = register_dossier(connection, new, "uid:1", self.bench.now)
        self.bench.work_all(dossier_id)
        with self.database.write() as connection:
            publish_events(connection)
            feed_endpoint(connection, self.endpoint, self.now)

    @rule(owner=st.sampled_from(["one", "two"]), limit=st.integers(1, 3))
    def claim(self, owner: str, limit: int) -> None:
        with self.database.write() as connection:
            self.held += claim_deliveries(connection, self.endpoint, owner, LEASE_S, limit, self.now)

    @precondition(lambda self: self.held)
    @rule(
        data=st.data(),
        outcome=st.sampled_from([SendOutcome(200), SendOutcome(503, "HTTP 503"), SendOutcome(None, "away")]),
    )
    def end(self, data: st.DataObject, outcome: SendOutcome) -> None:
        claim = data.draw(st.sampled_from(self.held))
        self.held.remove(claim)
        lost = claim.lease_until < self.now and not self._is_held(claim)
        try:
            with self.database.write() as connection:
                end_attempt(connection, claim, outcome, POLICY, 0.5, self.now)
        except LeaseLostError:
            assert lost
        else:
            assert not lost

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        with self.database.write() as connection:
            requeue_lost(connection, self.endpoint, POLICY, self.now)

    @rule(only_dead=st.booleans())
    def replay(self, only_dead: bool) -> None:
        with self.database.write() as connection:
            replay(connection, self.endpoint, ReplayChoice(only_dead=only_dead), "uid:1", self.now)

    @invariant()
    def one_of_a_record_is_under_way_and_none_before_it_waits(self) -> None:
        with self.database.read() as connection:
            rows = sorted(list_deliveries(connection, limit=1000), key=lambda one: one.id)
        running = [one for one in rows if one.state is DeliveryState.RUNNING]
        assert len({one.record_code for one in running}) == len(running)
        assert all(one.attempt <= POLICY.attempts for one in rows)
        assert len({one.event_id for one in rows}) == len(rows)

    def _is_held(self, claim: DeliveryClaim) -> bool:
        with self.database.read() as connection:
            return any(
                one.id == claim.id and one.state is DeliveryState.RUNNING
                for one in list_deliveries(connection, limit=1000)
            )


Deliveries.TestCase.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
TestDeliveries = Deliveries.TestCase
