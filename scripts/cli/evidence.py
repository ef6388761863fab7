"""What `sohoa verify` looks at, file by file, and what it holds each one against."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.dossier import RECORD_CODE
from schemas.errors import BadInputError, IntegrityError, NotFoundError, StoreError, UsageError
from scripts.cli.digitize import ORIGINAL_STEM

if TYPE_CHECKING:
    from pipeline.binding.originals import PageSource
    from pipeline.binding.revocation import Revocation
    from pipeline.binding.verify import VerifyReport
    from pipeline.storing.store import ObjectStore
    from schemas.ledger import RenditionEvidence, StoredObject
    from workers.home import Home

Claim = tuple[bool | None, str]
"""Whether it holds (None: not judged, and no fault), and what, in words."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One PDF to verify. `compare` adds what only its surroundings can tell: originals, ledger."""

    name: str
    pdf: bytes
    path: Path
    compare: Callable[[bytes], list[Claim]]


def collect_exhibits(targets: list[str], originals: Path | None) -> Iterator[Exhibit]:
    """The PDFs that files, folders and record codes mean. Raises `BadInputError`, `UsageError`,
    `NotFoundError`."""
    from pipeline.binding.originals import find_sources

    find = _index_originals(originals) if originals is not None else None

    def compare(path: Path, pdf: bytes) -> list[Claim]:
        claims = _compare_with_kept(path, pdf)
        return claims if find is None else claims + tell_sources(find_sources(pdf, find))

    for target in targets:
        path = Path(target)
        if path.is_dir():
            found = sorted(
                child
                for child in path.rglob("*")
                if child.suffix.lower() == ".pdf" and not _is_kept_original(child)
            )
            if not found:
                raise BadInputError(f"{path}: the folder holds no PDF", advice="name another folder")
            for child in found:
                yield Exhibit(str(child), _read(child), child, partial(compare, child))
        elif RECORD_CODE.match(target) and not path.exists():
            yield from _collect_record(target)
        else:
            yield Exhibit(target, _read(path), path, partial(compare, path))


def tell_sources(sources: "tuple[PageSource, ...]") -> list[Claim]:
    """Claims about pages' originals, one a state: equal ones together, each missing one by itself."""
    claims: list[Claim] = []
    by_state = {state: [page.number for page in sources if page.state == state]
                for state in ("equal", "re_encoded", "missing", "untold")}  # fmt: skip
    if by_state["equal"]:
        numbers = _list_numbers(by_state["equal"])
        claims.append((True, f"page {numbers}: the picture lies bit for bit in the original scan"))
    if by_state["re_encoded"]:
        numbers = _list_numbers(by_state["re_encoded"])
        claims.append((True, f"page {numbers}: the original is there, its picture was encoded anew from it"))
    for state, what in (("missing", "the original scan is not there"), ("untold", "no original is named")):
        if by_state[state]:
            claims.append((False, f"page {_list_numbers(by_state[state])}: {what}"))
    return claims


def tell_report(report: "VerifyReport") -> list[Claim]:
    """What was checked in the file itself, in words."""
    claims: list[Claim] = [(False, problem) for problem in report.problems]
    for signature in report.signatures:
        said = signature.signing_time.isoformat() if signature.signing_time else "at a time not told"
        stamped = f", timestamped {signature.timestamp.isoformat()}" if signature.timestamp else ""
        test = ", a TEST certificate without legal value" if signature.certificate_is_test else ""
        trusted = "of a trusted root" if signature.trusted else "whose root is not trusted on this machine"
        chain = f" ({' < '.join(signature.chain)})" if len(signature.chain) > 1 else ""
        claims += [
            (
                signature.intact,
                f"signature {signature.field_name}: unchanged since it was signed {said}{stamped}",
            ),
            (
                signature.trusted,
                f"signed by {signature.signer_common_name}, certificate {trusted}{chain}{test}",
            ),
            tell_revocation(signature.revocation),
        ]
    if report.signatures:
        claims.append((report.covers_whole_file, "the last signature covers the whole file"))
    if report.document_timestamps:
        claims.append((True, f"document timestamps that hold: {report.document_timestamps}"))
    if report.pages_recorded and not any("page" in problem for problem in report.problems):
        claims.append((True, f"all {report.pages} pages show the pictures and text they were bound with"))
    claims += [(False, f"{report.conformance}: {finding}") for finding in report.pdfa_findings]
    if not report.pdfa_findings:
        claims.append((True, f"{report.conformance}: no rule broken of those checked"))
    return claims


def tell_revocation(revocation: "Revocation") -> Claim:
    """What is known of the certificates' revocation, in words."""
    by = {"file": "by the answers in the file", "online": "by its authority, asked now", None: ""}
    match revocation.state:
        case "good":
            return True, f"no certificate of its chain was revoked, {by[revocation.source]}"
        case "revoked_later":
            return True, (
                f"the certificate of {revocation.certificate} was revoked {revocation.day}, "
                f"after the proven time of the signature, which holds ({by[revocation.source]})"
            )
        case "revoked":
            return False, f"a certificate of its chain was revoked, {by[revocation.source]}"
    return None, f"whether a certificate was revoked is NOT checked: {revocation.why}"


def _is_kept_original(path: Path) -> bool:
    """Whether it is a signed or born-digital input that lies beside its searchable copy."""
    copy = path.with_name(path.stem.removesuffix(ORIGINAL_STEM) + path.suffix)
    return path.stem.endswith(ORIGINAL_STEM) and copy.is_file()


def _compare_with_kept(path: Path, pdf: bytes) -> list[Claim]:
    """Is the input kept inside or beside this copy the one it names, and do its own signatures hold?"""
    from pipeline.binding.originals import find_sources, read_attachment
    from pipeline.binding.verify import verify

    kept = path.with_name(f"{path.stem}{ORIGINAL_STEM}.pdf")
    inside = read_attachment(pdf)
    if inside is None and not kept.is_file():
        return []
    name, original = inside if inside is not None else (kept.name, _read(kept))
    sources = find_sources(pdf, {sha256(original).hexdigest(): original}.get)
    named = bool(sources) and all(source.state in {"equal", "re_encoded"} for source in sources)
    claims: list[Claim] = [(named, f"{name} is the original this copy was made from, bit for bit")]
    try:
        signatures = verify(original).signatures
    except BadInputError as error:
        return [*claims, (False, f"{name}: {error.what}")]
    if signatures:
        hold = all(signature.intact and signature.changes_allowed for signature in signatures)
        claims.append((hold, f"{name}: its own {len(signatures)} signatures hold"))
    return claims


def _collect_record(code: str) -> Iterator[Exhibit]:
    from pipeline.ledger.evidence import read_evidence
    from schemas.settings import Settings
    from workers.home import has_ledger, open_home

    settings = Settings()
    if not has_ledger(settings):
        raise UsageError(
            f"{code} looks like a record code, and {settings.home} has no ledger",
            advice="set SOHOA_HOME, or name a PDF or a folder",
        )
    home = open_home(settings)
    try:
        with home.database.read() as connection:
            found = read_evidence(connection, code)
        if not found:
            raise BadInputError(f"record {code} has no finished PDF yet", advice="look at 'sohoa status'")
        for evidence in found:
            with _borrow(home, evidence.object) as path:
                yield Exhibit(
                    f"{code} {evidence.object.key}",
                    _read(path),
                    path,
                    lambda pdf, evidence=evidence: _compare_with_ledger(pdf, evidence, home.store),
                )
    finally:
        home.close()


@contextmanager
def _borrow(home: "Home", stored: "StoredObject") -> Iterator[Path]:
    """As it is, where it is a file; from a store without files only the bytes that were registered."""
    try:
        with home.spool.lend(stored.key, stored.sha256) as path:
            yield path
    except (NotFoundError, IntegrityError) as error:
        raise BadInputError(error.what, advice=error.advice) from error


def _compare_with_ledger(pdf: bytes, evidence: "RenditionEvidence", store: "ObjectStore") -> list[Claim]:
    """Is it the registered file; is each original what was handed in; is each picture what was made of it?"""
    from pipeline.binding.originals import find_sources
    from pipeline.page_result import unpack_page

    claims: list[Claim] = [
        (sha256(pdf).hexdigest() == evidence.object.sha256, "the file the ledger registered")
    ]
    sources = find_sources(pdf, lambda digest: None)
    claims.append((len(sources) == len(evidence.pages), f"{len(evidence.pages)} pages, as registered"))
    sound = 0
    for source, page in zip(sources, evidence.pages, strict=False):
        number = source.number
        try:
            store.get(page.original.key, page.original.sha256)
            stored = unpack_page(store.get(page.result.key, page.result.sha256))
        except StoreError as error:
            claims.append((False, f"page {number}: {error.what}"))
            continue
        named = (source.sha256, source.source_page) == (page.original.sha256, page.source_page)
        if not named:
            claims.append((False, f"page {number} names another original than the ledger"))
        elif stored.picture.image.data != source.picture:
            claims.append((False, f"page {number} shows another picture than was made of its original"))
        else:
            sound += 1
    if sound:
        claims.append((True, f"{sound} pages equal to what was made of the stored, unchanged originals"))
    return claims


def _index_originals(folder: Path) -> Callable[[str], bytes | None]:
    """Files below `folder` by their SHA-256; each is read again when asked for."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder of originals")
    places = {sha256(_read(path)).hexdigest(): path for path in folder.rglob("*") if path.is_file()}

    def find(digest: str) -> bytes | None:
        return _read(places[digest]) if digest in places else None

    return find


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path}: cannot be read: {error.strerror}", advice="check the name and its permissions"
        ) from error


def _list_numbers(numbers: list[int]) -> str:
    """`1 to 3` for a run, else `1, 3`."""
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
