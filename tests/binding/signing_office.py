"""A clerk's key, its services, and one paper signed at every level: a plugin of the tests that use it."""

from collections.abc import Iterator

import pytest

from pipeline.binding.compose import compose
from pipeline.binding.keys import load_pkcs12_signer, load_roots
from pipeline.binding.levels import sign_to_level
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import SignatureText, SignedPdf, Signer
from schemas.page import BoundPage
from schemas.signing import SignatureLevel, TrustServices
from scripts.samples.authority import Trust, start_trust
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page

CLERK = SignatureText("Nguyễn Thị Hường (thử nghiệm)", SCAN_TIME)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    trust, server = start_trust(tmp_path_factory.mktemp("authority"))
    yield trust
    server.shutdown()
    server.server_close()


@pytest.fixture
def trust(authority: Trust) -> Iterator[Trust]:
    yield authority
    authority.faults.clear()
    authority.asked.clear()


@pytest.fixture(scope="session")
def services(authority: Trust, tmp_path_factory: pytest.TempPathFactory) -> TrustServices:
    roots = load_roots(authority.write_roots(tmp_path_factory.mktemp("trust") / "roots"))
    return TrustServices(authority.tsa_url, trust_roots=roots, timeout_s=20.0, attempts=2)


@pytest.fixture(scope="session")
def signer(authority: Trust, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_pkcs12_signer(*authority.write_pkcs12("clerk", tmp_path_factory.mktemp("p12")))


@pytest.fixture(scope="session")
def unsigned() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


@pytest.fixture(scope="session")
def by_level(unsigned: bytes, signer: Signer, services: TrustServices) -> dict[SignatureLevel, SignedPdf]:
    return {
        level: sign_to_level(unsigned, signer, CLERK, level=level, services=services)
        for level in SignatureLevel
    }
