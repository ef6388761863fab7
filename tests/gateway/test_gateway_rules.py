"""Role x endpoint x ownership, every cell; and tokens that are not what they should be."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_outside import OTHER_RECORD, RECORD, Asker, Outside, Scans

from schemas.access import Role
from workers.gateway.app import create_app, list_endpoints
from workers.gateway.rules import RULES, Scope
from workers.gateway.tokens import TokenKeys


@dataclass(frozen=True)
class Case:
    """One finished dossier, and who stands how to it."""

    dossier_id: str
    event_id: str
    file_id: int
    sha256: str
    owners: dict[Role, Asker]
    strangers: dict[Role, Asker]


@pytest.fixture(scope="module")
def case(outside: Outside, scans: Scans) -> Case:
    owners = {
        Role.STATION: outside.station("600100"),
        Role.ONESTOP: outside.onestop("H21.65"),
        Role.OPERATOR: outside.staff(Role.OPERATOR),
        Role.SUPERVISOR: outside.staff(Role.SUPERVISOR),
    }
    strangers = {Role.STATION: outside.station("600100", "2"), Role.ONESTOP: outside.onestop("H21.6", "H22")}
    done = owners[Role.STATION].hand_in(scans.good)
    (file,) = (
        file
        for file in owners[Role.STATION].http.get(f"/v1/records/{RECORD}/files").json()["files"]
        if file["dossier_id"] == done["id"]
    )
    return Case(done["id"], f"{done['id']}.1", file["id"], file["sha256"], owners, strangers)


def ask(asker: Asker, method: str, path: str, case: Case) -> httpx.Response:
    """One endpoint, asked about the case's dossier with a request that is as it should be."""
    filled = path.format(
        dossier_id=case.dossier_id, ordinal=1, number=1, record_code=RECORD, file_id=case.file_id
    )
    bodies: dict[str, Any] = {
        "/v1/dossiers": {"record_code": RECORD, "papers": [{"title": "Một"}]},
        "/v1/milestones": {
            "record_code": RECORD,
            "kind": "posted",
            "occurred_at": "2022-09-20T08:00:00+07:00",
        },
        "/v1/acks": {
            "event_id": case.event_id,
            "files": [{"ordinal": 1, "rendition": 1, "sha256": case.sha256}],
        },
        "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}/acceptance": {"reason": "mờ"},
    }
    arguments: dict[str, Any] = {"headers": {"Idempotency-Key": uuid4().hex}}
    if method == "POST":
        arguments["json"] = bodies.get(path, {})
    if method == "PUT":
        arguments["content"] = b"x"
        arguments["headers"]["Content-Digest"] = "sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:"
    if method == "PATCH":
        arguments["content"] = b"x"
        arguments["headers"] |= {
            "Upload-Offset": "0",
            "Upload-Length": "1",
            "Repr-Digest": "sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:",
        }
    if (method, path) == ("GET", "/v1/acks"):
        arguments["params"] = {"event_id": case.event_id}
    if path == "/v1/statistics":
        arguments["params"] = {"first": "2020-01-01", "last": "2099-12-31", "period": "all", "by": "agency"}
    return asker.http.request(method, filled, **arguments)


ALLOWED = {
    ("PUT", "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}"): {409},  # nothing is flagged
    ("PUT", "/v1/dossiers/{dossier_id}/documents/{ordinal}/file"): {415},  # "x" is no scan
    ("PATCH", "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}"): {409},
    ("PATCH", "/v1/dossiers/{dossier_id}/documents/{ordinal}/file"): {415},
    ("POST", "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}/acceptance"): {409},
    ("POST", "/v1/dossiers/{dossier_id}/retry"): {409},
    ("POST", "/v1/dossiers"): {201},
    ("POST", "/v1/milestones"): {200, 201},  # the one-stop client's may be the station's second
}
"""What an endpoint answers to who may use it; 200 where it is not said."""

CELLS = [(endpoint, role) for endpoint, role in product(sorted(RULES), Role) if not RULES[endpoint].public]


@pytest.mark.parametrize(("endpoint", "role"), CELLS, ids=str)
def test_every_cell_of_the_table(case: Case, endpoint: tuple[str, str], role: Role) -> None:
    method, path = endpoint
    scope = RULES[endpoint].of(role)
    answer = ask(case.owners[role], method, path, case)
    if scope is Scope.NONE:
        assert answer.status_code == 403
        return
    assert answer.status_code in ALLOWED.get(endpoint, {200}), answer.text
    if role not in case.strangers:
        assert scope is Scope.ALL
        return
    theirs = ask(case.strangers[role], method, path, case)
    if "{" in path or path == "/v1/acks":
        assert theirs.status_code == 404
    elif path == "/v1/statistics":
        assert "H21.65" in answer.text
        assert "H21.65" not in theirs.text
    elif method == "GET":
        assert case.dossier_id in answer.text
        assert case.dossier_id not in theirs.text


def test_every_endpoint_has_its_row_and_needs_a_key(outside: Outside, case: Case) -> None:
    nobody = outside.ask_as(None)
    wrong = outside.ask_as("sohoa_st_0000000000_" + "0" * 64)
    app = create_app(outside.home, time.time())
    assert list_endpoints(app) == set(RULES)
    for (method, path), rule in RULES.items():
        if rule.public:
            continue
        for asker in (nobody, wrong):
            answer = ask(asker, method, path, case)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_record_of_two_agencies_is_seen_in_parts(outside: Outside, scans: Scans, case: Case) -> None:
    other = outside.station("600200").hand_in(scans.good, OTHER_RECORD)
    both = outside.onestop("H21")
    seen = {event["dossier_id"] for event in both.http.get("/v1/events?limit=500").json()["events"]}
    assert {other["id"], case.dossier_id} <= seen
    one = case.owners[Role.ONESTOP].http.get("/v1/events?limit=500").json()["events"]
    assert {event["record_code"] for event in one} == {RECORD}
    assert case.owners[Role.ONESTOP].http.get(f"/v1/records/{OTHER_RECORD}/files").status_code == 404


def test_a_new_key_of_a_station_sees_its_dossiers_and_a_revoked_one_nothing(
    outside: Outside, case: Case
) -> None:
    key_id, text = outside.issue(Role.STATION, office="600100", station="1")
    asker = outside.ask_as(text)
    assert asker.read(case.dossier_id)["id"] == case.dossier_id
    outside.revoke(key_id)
    assert asker.http.get(f"/v1/dossiers/{case.dossier_id}").status_code == 401


@pytest.fixture(scope="module")
def client(outside: Outside) -> tuple[str, str]:
    return outside.client("H21.65")


def claims(client_id: str, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": "sohoa-gateway",
        "aud": "sohoa-api",
        "sub": client_id,
        "client_id": client_id,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": uuid4().hex,
    }
    return {name: value for name, value in (told | changed).items() if value is not None}


def sign(outside: Outside, told: dict[str, Any], **header: Any) -> str:
    kid, key = TokenKeys(outside.home.keys / "tokens").signer()
    return jwt.encode(told, key, "EdDSA", headers={"kid": kid, "typ": "at+jwt"} | header)


def status(outside: Outside, token: str) -> int:
    return httpx.get(f"{outside.url}/v1/events", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_as_the_gateway_makes_it_is_taken(outside: Outside, client: tuple[str, str]) -> None:
    assert status(outside, outside.token(*client)) == 200
    assert status(outside, sign(outside, claims(client[0]))) == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1_700_000_000},
        {"exp": None},
        {"aud": "another-api"},
        {"aud": ["sohoa-api", "another-api"]},
        {"aud": None},
        {"iss": "another-gateway"},
        {"nbf": 4_000_000_000},
        {"sub": "0000000000"},
        {"jti": None},
    ],
    ids=str,
)
def test_a_token_that_says_otherwise_is_refused(
    outside: Outside, client: tuple[str, str], changed: dict[str, Any]
) -> None:
    assert status(outside, sign(outside, claims(client[0], **changed))) == 401


def test_a_token_signed_otherwise_is_refused(outside: Outside, client: tuple[str, str]) -> None:
    told = claims(client[0])
    kid, key = TokenKeys(outside.home.keys / "tokens").signer()
    header = {"kid": kid, "typ": "at+jwt"}
    packed = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(json.dumps(header | {"alg": "none"}).encode()).rstrip(b"=").decode()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    forged = [
        f"{none}.{packed}.",
        jwt.encode(told, None, "none", headers=header),
        jwt.encode(told, raw, "HS256", headers=header),
        jwt.encode(told, Ed25519PrivateKey.generate(), "EdDSA", headers=header),
        jwt.encode(told, Ed25519PrivateKey.generate(), "EdDSA", headers=header | {"kid": "../../x"}),
        jwt.encode(told, ec.generate_private_key(ec.SECP256R1()), "ES256", headers=header),
        sign(outside, told, typ="JWT"),
        sign(outside, told, kid=""),
        sign(outside, told)[:-4] + "AAAA",
        "a.b.c",
        "x" * 5000,
    ]
    assert [status(outside, token) for token in forged] == [401] * len(forged)


def test_a_replayed_token_of_a_revoked_client_is_refused(outside: Outside) -> None:
    client_id, secret = outside.client("H21.65")
    token = outside.token(client_id, secret)
    assert status(outside, token) == 200
    outside.revoke(client_id)
    assert status(outside, token) == 401


def test_a_bound_token_is_of_no_use_to_who_copied_it(outside: Outside, client: tuple[str, str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    thief = ec.generate_private_key(ec.SECP256R1())

    def prove(method: str, path: str, token: str | None, by: Any = key, **changed: Any) -> str:
        told = {"jti": uuid4().hex, "htm": method, "htu": f"{outside.url}{path}", "iat": time.time()}
        if token is not None:
            hashed = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest())
            told["ath"] = hashed.rstrip(b"=").decode()
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(by.public_key()))
        return jwt.encode(told | changed, by, "ES256", headers={"typ": "dpop+jwt", "jwk": public})

    answer = httpx.post(
        f"{outside.url}/v1/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=client,
        headers={"DPoP": prove("POST", "/v1/oauth/token", None)},
    ).json()
    token = answer["access_token"]
    assert answer["token_type"] == "DPoP"

    def use(proof: str | None, scheme: str = "DPoP") -> int:
        headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof else {})
        return httpx.get(f"{outside.url}/v1/events", headers=headers).status_code

    once = prove("GET", "/v1/events", token)
    assert use(once) == 200
    assert use(once) == 401  # replayed
    refused = [
        (None, "DPoP"),
        (None, "Bearer"),
        (prove("GET", "/v1/events", token, by=thief), "DPoP"),
        (prove("POST", "/v1/events", token), "DPoP"),
        (prove("GET", "/v1/dossiers", token), "DPoP"),
        (prove("GET", "/v1/events", "another token"), "DPoP"),
        (prove("GET", "/v1/events", token, iat=time.time() - 300), "DPoP"),
    ]
    assert [use(proof, scheme) for proof, scheme in refused] == [401] * len(refused)
    assert use(prove("GET", "/v1/events", token)) == 200


def test_wrong_secrets_and_other_grants_get_no_token(outside: Outside, client: tuple[str, str]) -> None:
    station_id, station_key = outside.issue(Role.STATION, office="600300")
    wrong = [(client[0], "0" * 64), ("0000000000", client[1]), (station_id, station_key.rpartition("_")[2])]
    wrong += [("\0", "\0"), ("đ", "x"), ("", "")]
    for auth in wrong:
        answer = httpx.post(
            f"{outside.url}/v1/oauth/token", data={"grant_type": "client_credentials"}, auth=auth
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    other = httpx.post(f"{outside.url}/v1/oauth/token", data={"grant_type": "password"}, auth=client)
    assert (other.status_code, other.json()["error"]) == (400, "unsupported_grant_type")
    in_body = httpx.post(
        f"{outside.url}/v1/oauth/token",
        data={"grant_type": "client_credentials", "client_id": client[0], "client_secret": client[1]},
    )
    assert in_body.status_code == 200


def test_a_rotated_key_signs_and_a_retired_one_is_worth_nothing(
    outside: Outside, client: tuple[str, str]
) -> None:
    before = outside.token(*client)
    keys = TokenKeys(outside.home.keys / "tokens")
    kid = keys.rotate()
    assert status(outside, before) == 200
    after = sign(outside, claims(client[0]))
    assert jwt.get_unverified_header(after)["kid"] == kid
    assert status(outside, after) == 200
    keys.retire(0, time.time() + 10)
    assert status(outside, before) == 401
    assert status(outside, after) == 200
    (pem,) = (outside.home.keys / "tokens").glob("*.pem")
    assert pem.stat().st_mode & 0o777 == 0o600
