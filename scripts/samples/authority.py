"""A certification authority outside: CRLs, an OCSP responder and a time-stamping service, on loopback.

Certomancer signs the answers; `faults` makes a service fail.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from asn1crypto import crl, ocsp, tsp
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig, ServiceLabel
from certomancer.registry.issued.general import RevocationStatus
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ENTITIES = ("root", "issuer", "ocsp", "tsa", "clerk", "leaver", "former")
PASSWORD = "mật khẩu thử"  # noqa: S105 -- of keys made anew for each test
POLICY = "1.3.6.1.4.1.99999.1"


@dataclass
class Trust:
    """The authority while it serves. `faults`: service (`tsa`, `ocsp`, `crls`) -> what it answers instead."""

    url: str
    architecture: Any
    faults: dict[str, Callable[[bytes], tuple[int, str, bytes]]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def tsa_url(self) -> str:
        """Of the time-stamping service."""
        return f"{self.url}/office/tsa/tsa"

    def certificate(self, label: str) -> bytes:
        """DER."""
        return bytes(self.architecture.get_cert(CertLabel(label)).dump())

    def write_pkcs12(self, label: str, folder: Path) -> tuple[Path, Path]:
        """Key, certificate and issuer of `label`, and the file with its password."""
        package, password = folder / f"{label}.p12", folder / f"{label}.password"
        package.write_bytes(self.architecture.package_pkcs12(CertLabel(label), password=PASSWORD.encode()))
        password.write_text(PASSWORD + "\n", encoding="utf-8")
        return package, password

    def write_roots(self, folder: Path) -> Path:
        """A folder of trust roots."""
        folder.mkdir(exist_ok=True)
        (folder / "root.der").write_bytes(self.certificate("root"))
        return folder

    def answer(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type, bytes."""
        _, _, service, label = path.split("/")[:4]
        self.asked[service] += 1
        if service in self.faults:
            return self.faults[service](body)
        registry, now = self.architecture.service_registry, datetime.now(UTC)
        if service == "tsa":
            stamper = registry.summon_timestamper(ServiceLabel(label), now)
            reply = stamper.request_tsa_response(tsp.TimeStampReq.load(body))
            return 200, "application/timestamp-reply", reply.dump()
        if service == "ocsp":
            responder = registry.summon_responder(ServiceLabel(label), now)
            return (
                200,
                "application/ocsp-response",
                responder.build_ocsp_response(ocsp.OCSPRequest.load(body)).dump(),
            )
        return 200, "application/pkix-crl", registry.get_crl(ServiceLabel(label), now).dump()

    def fail(self, service: str, status: int = 503) -> None:
        """Let `service` answer with an HTTP error."""
        self.faults[service] = lambda _: (status, "text/plain", b"")

    def babble(self, service: str, media_type: str) -> None:
        """Let `service` answer with bytes that mean nothing."""
        self.faults[service] = lambda _: (200, media_type, b"\x30\x03\x02\x01\x07")

    def hang(self, service: str, seconds: float) -> None:
        """Let `service` answer too late."""

        def wait(_: bytes) -> tuple[int, str, bytes]:
            time.sleep(seconds)
            return 503, "text/plain", b""

        self.faults[service] = wait

    def revoke(self, label: str, since: datetime | None) -> None:
        """Let the certificate of `label` be revoked from then on; None takes it back."""
        status = None if since is None else RevocationStatus(since, crl.CRLReason("key_compromise"))
        object.__setattr__(self.architecture.get_cert_spec(CertLabel(label)), "revocation", status)

    def stamp_another(self) -> None:
        """Let the time-stamping service stamp something else than it was asked to."""

        def lie(body: bytes) -> tuple[int, str, bytes]:
            request = tsp.TimeStampReq.load(body)
            request["message_imprint"]["hashed_message"] = bytes(32)
            stamper = self.architecture.service_registry.summon_timestamper(
                ServiceLabel("tsa"), datetime.now(UTC)
            )
            return 200, "application/timestamp-reply", stamper.request_tsa_response(request).dump()

        self.faults["tsa"] = lie


def start_trust(folder: Path) -> tuple[Trust, ThreadingHTTPServer]:
    """Make keys in `folder` and serve until the server is shut down."""
    for name in ENTITIES:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    url = f"http://127.0.0.1:{server.server_port}"
    configuration = CertomancerConfig(describe(url), key_search_dir=str(folder))
    trust = Trust(url, configuration.get_pki_arch(ArchLabel("office")))
    server.RequestHandlerClass = partial(_Handler, trust)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return trust, server


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, trust: Trust, *arguments: Any) -> None:
        self._trust = trust
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self._reply(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        self._reply(b"")

    def _reply(self, body: bytes) -> None:
        status, media_type, data = self._trust.answer(self.path, body)
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(ConnectionError):  # who waited has given up
            self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def describe(url: str) -> dict[str, Any]:
    """Certomancer's configuration of the authority."""
    long = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2100-01-01T00:00:00+0000"}
    next_year = (datetime.now(UTC) + timedelta(days=365)).isoformat(timespec="seconds")

    def usage(*uses: str) -> dict[str, Any]:
        return {
            "id": "key_usage",
            "critical": True,
            "smart-value": {"schema": "key-usage", "params": list(uses)},
        }

    def extended(use: str) -> dict[str, Any]:
        return {"id": "extended_key_usage", "critical": True, "value": [use]}

    def authority(depth: int | None) -> list[dict[str, Any]]:
        constraints = {"ca": True} | ({} if depth is None else {"path-len-constraint": depth})
        return [
            {"id": "basic_constraints", "critical": True, "value": constraints},
            usage("digital_signature", "key_cert_sign", "crl_sign"),
        ]

    def crl(name: str) -> dict[str, Any]:
        value = {"schema": "crl-dist-url", "params": {"crl-repo-names": [name]}}
        return {"id": "crl_distribution_points", "smart-value": value}

    responder = {"schema": "aia-urls", "params": {"ocsp-responder-names": ["issuer"]}}
    person = {
        "issuer": "issuer",
        "validity": {**long, "valid-to": next_year},
        "extensions": [
            usage("digital_signature", "non_repudiation"),
            crl("issuer"),
            {"id": "authority_information_access", "smart-value": responder},
        ],
    }
    return {
        "external-url-prefix": url,
        "keysets": {"office": {"keys": {name: {"path": f"{name}.pem"} for name in ENTITIES}}},
        "pki-architectures": {
            "office": {
                "keyset": "office",
                "entity-defaults": {"country-name": "VN", "organization-name": "CA thử nghiệm"},
                "entities": {name: {"common-name": f"{name} (THỬ NGHIỆM)"} for name in ENTITIES},
                "certs": {
                    "root": {
                        "subject": "root",
                        "issuer": "root",
                        "validity": long,
                        "extensions": authority(None),
                    },
                    "issuer": {
                        "issuer": "root",
                        "validity": long,
                        "extensions": [*authority(0), crl("root")],
                    },
                    "ocsp": {
                        "issuer": "issuer",
                        "validity": long,
                        "extensions": [
                            usage("digital_signature"),
                            extended("ocsp_signing"),
                            {"id": "ocsp_no_check"},
                        ],
                    },
                    "tsa": {
                        "issuer": "root",
                        "validity": long,
                        "extensions": [usage("digital_signature"), extended("time_stamping"), crl("root")],
                    },
                    "clerk": person,
                    "former": {**person, "validity": {**long, "valid-to": "2024-01-01T00:00:00+0000"}},
                    "leaver": {
                        **person,
                        "revocation": {
                            "revoked-since": "2024-01-01T00:00:00+0000",
                            "reason": "key_compromise",
                        },
                    },
                },
                "services": {
                    "ocsp": {
                        "issuer": {"for-issuer": "issuer", "responder-cert": "ocsp", "signing-key": "ocsp"}
                    },
                    "crl-repo": {
                        name: {"for-issuer": name, "signing-key": name, "simulated-update-schedule": "P30D"}
                        for name in ("root", "issuer")
                    },
                    "time-stamping": {"tsa": {"signing-key": "tsa", "signing-cert": "tsa"}},
                },
            }
        },
    }
