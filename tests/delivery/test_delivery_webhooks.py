"""`sohoa deliver` as an administrator and a receiver see it: processes, sockets, signatures."""

import json
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from delivery_office import Office, Receiver, wait_until
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pipeline.ledger.access_keys import revoke_key
from pipeline.ledger.audit import read_audit, verify_audit

OTHER = "H21.65-220914-0099"


def verifies(line: dict[str, object], secret: str) -> bool:
    try:
        Webhook(secret).verify(str(line["body"]), line["headers"])  # type: ignore[arg-type]
    except WebhookVerificationError:
        return False
    return True


def test_every_secret_in_use_signs_and_none_lies_in_the_ledger(office: Office, receiver: Receiver) -> None:
    office.environment["SOHOA_DELIVERY__GATEWAY_ADDRESS"] = "https://so.example/"
    added = office.run("endpoints", "add", "--client", office.client("H21.65"), "--url", receiver.url)
    endpoint, first = (line.partition("=")[2] for line in added.splitlines())
    office.start()
    dossier_id = office.finish()
    office.await_states("delivered")
    second = office.run("endpoints", "rotate", endpoint).strip().partition("=")[2]
    office.finish(OTHER)
    office.await_states("delivered", "delivered")
    office.run("endpoints", "rotate", endpoint, "--retire")
    office.finish(OTHER)
    office.await_states("delivered", "delivered", "delivered")
    one, both, last = receiver.received
    assert (verifies(one, first), verifies(one, second)) == (True, False)
    assert (verifies(both, first), verifies(both, second)) == (True, True)
    assert (verifies(last, first), verifies(last, second)) == (False, True)
    assert not verifies({**one, "body": str(one["body"]).replace("0011", "0012")}, first)

    told = json.loads(one["body"])
    assert (told["type"], told["data"]["dossier_id"]) == ("dossier.completed", dossier_id)
    (file,) = told["data"]["files"]
    assert file["sha256"] == "1" * 64
    assert file["content"].startswith("https://so.example/v1/files/")
    assert "Nguyễn" not in one["body"]

    kept = b"".join(path.read_bytes() for path in office.path.glob("ledger.sqlite3*"))
    logged = (office.path / "deliver.log").read_text()
    for secret in (first, second):
        assert secret.removeprefix("whsec_").encode() not in kept
        assert secret.removeprefix("whsec_") not in logged
    (file_of_secret,) = (office.path / "keys" / "webhooks" / endpoint).iterdir()
    assert file_of_secret.stat().st_mode & 0o777 == 0o600
    with office.home.database.read() as connection:
        actions = Counter(entry.action for entry in read_audit(connection))
        assert verify_audit(connection).broken_at is None
    assert actions["event.delivered"] == 3
    assert actions["secret.made"] == 1


def test_a_record_keeps_its_order_and_others_go_on(office: Office, receiver: Receiver) -> None:
    endpoint, _ = office.endpoint(receiver.url)
    receiver.behave(status=503, only="0011", headers={"Retry-After": "0"})
    first = office.finish("H21.65-220914-0011")
    second = office.finish("H21.65-220914-0011")
    other = office.finish(OTHER)
    office.start(SOHOA_DELIVERY__ATTEMPTS="1000")
    wait_until(lambda: other in receiver.dossiers() and receiver.dossiers().count(first) > 3)
    assert second not in receiver.dossiers()
    waits = office.deliveries(endpoint)[0]
    assert waits.failure == "HTTP 503"
    receiver.behave()
    office.await_states("delivered", "delivered", "delivered")
    order = [one for one in receiver.dossiers() if one != other]
    assert order == [first] * (len(order) - 1) + [second]
    ids = {line["headers"]["webhook-id"] for line in receiver.received if first in line["body"]}
    assert len(ids) == 1


def test_what_is_dead_lets_the_next_one_by_and_is_replayed(office: Office, receiver: Receiver) -> None:
    endpoint, _ = office.endpoint(receiver.url)
    first, second = office.finish(), office.finish()
    receiver.behave(status=500, only=first)
    office.start(SOHOA_DELIVERY__ATTEMPTS="3")
    office.await_states("dead", "delivered")
    assert Counter(receiver.dossiers()) == {first: 3, second: 1}
    listed = office.run("status", "--state", "dead")
    assert "dead=1" in listed
    assert "HTTP 500" in listed

    receiver.behave()
    assert office.run("replay", "--dead") == "1 deliveries queued again\n"
    office.await_states("delivered", "delivered")
    assert office.run("replay", "--event", f"{second}.1") == "1 deliveries queued again\n"
    wait_until(lambda: Counter(receiver.dossiers())[second] == 2)
    tomorrow = f"{datetime.now() + timedelta(days=1):%Y-%m-%d}"
    assert office.run("replay", "--endpoint", endpoint, "--since", tomorrow).startswith("0 ")
    assert office.run("replay", "--since", "2020-01-01", "--until", tomorrow).startswith("2 ")
    wait_until(lambda: Counter(receiver.dossiers()) == {first: 5, second: 3})
    assert len({line["headers"]["webhook-id"] for line in receiver.received}) == 2
    office.run("replay", code=2)


def test_gone_ends_the_endpoint_until_it_is_enabled(office: Office, receiver: Receiver) -> None:
    endpoint, _ = office.endpoint(receiver.url)
    receiver.behave(status=410)
    office.finish()
    office.finish(OTHER)
    office.start(SOHOA_DELIVERY__AT_ONCE="1")
    wait_until(lambda: "disabled" in office.run("endpoints", "list"))
    assert office.states() == ["queued", "queued"]
    assert len(receiver.received) == 1
    receiver.behave()
    office.run("endpoints", "enable", endpoint)
    office.await_states("delivered", "delivered")


def test_hostile_answers_cost_one_attempt_each(office: Office, receiver: Receiver, tmp_path: Path) -> None:
    elsewhere = Receiver(tmp_path / "elsewhere")
    elsewhere.start()
    office.endpoint(receiver.url)
    office.start(SOHOA_DELIVERY__ATTEMPTS="1")
    behaviours = [
        ({"status": 302, "headers": {"Location": elsewhere.url}}, "redirects are not followed"),
        ({"status": 200, "wait_s": 3}, "no whole answer"),
        ({"status": 200, "trickle_s": 0.1}, "no whole answer"),
        ({"status": 200, "headers": {"X-Long": "x" * 200_000}}, "no HTTP"),
        ({"status": 200, "body": "y" * 5_000_000}, None),
    ]
    for number, (told, failure) in enumerate(behaviours):
        receiver.behave(**told)
        office.finish(f"H21.65-220914-{number:04}")
        wait_until(
            lambda count=number + 1: sum(one in {"dead", "delivered"} for one in office.states()) == count,
            office.deliveries,
        )
        last = office.deliveries()[-1]
        assert (last.failure is None) is (failure is None), last
        assert failure is None or failure in (last.failure or "")
    assert elsewhere.received == []
    elsewhere.stop()


def test_nothing_goes_to_addresses_that_are_not_allowed(office: Office, receiver: Receiver) -> None:
    office.environment["SOHOA_DELIVERY__ALLOWED_NETWORKS"] = "[]"
    office.run("endpoints", "add", "--client", office.client("H21.65"), "--url", "http://o.example/", code=2)
    port = receiver.url.rpartition(":")[2]
    for url in (receiver.url, f"http://localhost:{port}", f"https://[::ffff:127.0.0.1]:{port}"):
        office.endpoint(url)
    office.start(SOHOA_DELIVERY__ATTEMPTS="1")
    office.finish()
    office.await_states("dead", "dead", "dead")
    assert all("address refused" in (one.failure or "") for one in office.deliveries())
    assert receiver.received == []


def test_a_client_is_told_of_its_own_agencies_and_a_revoked_one_of_nothing(
    office: Office, receiver: Receiver
) -> None:
    gone = office.client("H21.65")
    told, _ = office.endpoint(receiver.url, from_start=True, client=office.client("H21.66"))
    office.endpoint(receiver.url, client=gone)
    office.finish("H21.65-220914-0011")
    mine = office.finish("H21.66-220914-0011")
    with office.home.database.write() as connection:
        revoke_key(connection, gone, "uid:1", office.bench.now)
    office.start()
    office.await_states("delivered", endpoint=told)
    assert receiver.dossiers() == [mine]
    assert "client revoked" in office.run("endpoints", "list")


def test_many_processes_send_everything_once_and_one_thing_at_a_time(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver.url)
    expected = {f"H21.65-220914-{number % 4:04}": list[str]() for number in range(20)}
    for number in range(20):
        record = f"H21.65-220914-{number % 4:04}"
        expected[record].append(office.finish(record))
    receiver.behave(wait_s=0.02)
    for _ in range(3):
        office.start()
    office.await_states(*["delivered"] * 20)
    assert Counter(receiver.dossiers()) == {one: 1 for ids in expected.values() for one in ids}
    for ids in expected.values():
        assert [one for one in receiver.dossiers() if one in ids] == ids
    assert {line["at_once"] for line in receiver.received} == {1}


def test_what_a_killed_process_held_is_sent_again_with_the_same_id(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver.url)
    office.finish()
    receiver.behave(wait_s=0.9)
    dying = office.start()
    wait_until(lambda: len(receiver.received) == 1)
    dying.kill()
    receiver.behave()
    office.start()
    office.await_states("delivered")
    first, second = receiver.received
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert office.deliveries()[0].attempt == 2


def test_a_stop_ends_what_is_under_way(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver.url)
    office.finish()
    receiver.behave(wait_s=0.5)
    process = office.start()
    wait_until(lambda: len(receiver.received) == 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert office.states() == ["delivered"]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now, own = datetime.now(UTC), x509.IPAddress(IPv4Address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([own]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    places = tmp_path / "receiver.pem", tmp_path / "receiver.key"
    places[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    places[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return places


def test_a_certificate_is_checked(office: Office, tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    secure = Receiver(tmp_path / "secure", scheme="https")
    secure.start(*certificate)
    office.endpoint(secure.url)
    office.finish()
    office.start(SOHOA_DELIVERY__ATTEMPTS="1")
    office.await_states("dead")
    assert "certificate" in (office.deliveries()[0].failure or "")
    office.end()
    again = Office(office.path)
    again.start(SOHOA_DELIVERY__CA_FILE=str(certificate[0]))
    again.run("replay", "--dead")
    again.await_states("delivered")
    again.end()
    secure.stop()
