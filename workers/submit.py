"""Hand-overs and corrections: durable when these return, not there at all when they raise."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from pipeline.intake.open import open_source
from pipeline.ledger.dossiers import accept_page, find_page, register_dossier, replace_page, retry_failed
from schemas.dossier import RECORD_CODE
from schemas.errors import BadInputError, RejectedFilesError, UnsupportedInputError, UsageError
from schemas.handover import DossierKind
from schemas.ledger import NewDocument, NewDossier, Original
from schemas.settings import Limits
from workers.home import Home

MAX_TITLE = 300
"""Longer than any title in the national list of papers; what a PDF viewer's title bar can show."""


@dataclass(frozen=True, slots=True)
class PageName:
    """`ORDINAL:PAGE` of a record, both from 1; `dossier_id` where the record alone is not enough."""

    record_code: str
    ordinal: int
    number: int
    dossier_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    path: Path
    sha256: str
    size: int
    media_type: str
    page_count: int


def submit_dossier(  # noqa: PLR0913 -- one parameter an option of the command
    home: Home,
    record_code: str,
    files: Sequence[Path],
    *,
    titles: Sequence[str] = (),
    declared_pages: Sequence[int] = (),
    procedure_code: str | None = None,
    priority: int = 0,
    kind: DossierKind = "intake",
) -> str:
    """Register one document per file and return the dossier's id; everything is durable then.

    `titles` and `declared_pages` (as the clerk counted them) are those of the first files.

    Raises `UsageError`, `RejectedFilesError` (one entry per bad file; nothing is registered), `StoreError`.
    """
    check_record_code(record_code)
    if not files:
        raise UsageError("no file given")
    if len(titles) > len(files):
        raise UsageError(f"{len(titles)} titles for {len(files)} files")
    if len(declared_pages) > len(files) or any(count < 1 for count in declared_pages):
        raise UsageError("page counts are 1 or more, and no more of them than files")
    names = [check_title(title) for title in titles] + [title_of(path) for path in files[len(titles) :]]
    checked = _check_files(files, home.settings.limits)
    all_declared = [*declared_pages, *[None] * (len(files) - len(declared_pages))]
    documents = tuple(
        NewDocument(name, _keep_original(home, file), file.page_count, declared)
        for name, file, declared in zip(names, checked, all_declared, strict=True)
    )
    new = NewDossier(record_code, documents, procedure_code, priority, home.settings.station, kind)
    return home.database.transact(
        lambda connection: register_dossier(connection, new, name_actor(), home.now())
    )


def submit_replacement(home: Home, page: PageName, path: Path) -> str:
    """Add a revision of one page from a one-page file; returns the dossier's id.

    Raises `UsageError`, `NotFoundError`, `RejectedFilesError`, `StoreError`.
    """
    check_record_code(page.record_code)
    with home.database.read() as connection:
        dossier_id = find_page(connection, page.record_code, page.ordinal, page.number, page.dossier_id)
    (file,) = _check_files([path], home.settings.limits)
    if file.page_count != 1:
        wrong = BadInputError(f"it has {file.page_count} pages", advice="give a file with the one page")
        raise RejectedFilesError(((str(path), wrong),))
    original = _keep_original(home, file)
    home.database.transact(
        lambda connection: replace_page(
            connection, dossier_id, (page.ordinal, page.number), original, name_actor(), home.now()
        )
    )
    return dossier_id


def submit_acceptance(home: Home, page: PageName, reason: str) -> str:
    """A supervisor takes an unreadable page as it is; returns the dossier's id.

    Raises `UsageError`, `NotFoundError`, `ConflictError`.
    """
    check_record_code(page.record_code)
    if not reason.strip():
        raise UsageError("accepting a page needs a reason", advice="give --reason TEXT")

    def accept(connection: Connection) -> str:
        dossier_id = find_page(connection, page.record_code, page.ordinal, page.number, page.dossier_id)
        accept_page(
            connection, dossier_id, (page.ordinal, page.number), reason.strip(), name_actor(), home.now()
        )
        return dossier_id

    return home.database.transact(accept)


def submit_retry(home: Home, dossier_id: str) -> None:
    """Queue a dossier's failed jobs anew. Raises `NotFoundError`, `ConflictError`."""
    home.database.transact(lambda connection: retry_failed(connection, dossier_id, name_actor(), home.now()))


def check_record_code(code: str) -> None:
    """Raises `UsageError` where `code` is no record code of the one-stop system."""
    if not RECORD_CODE.fullmatch(code):
        raise UsageError(f"{code[:80]!r} is no record code", advice="e.g. H21.65-220914-0011")


def check_title(title: str) -> str:
    """The title without space around it. Raises `UsageError` where it is empty or no single line."""
    title = title.strip()
    if not title or not title.isprintable() or len(title) > MAX_TITLE:
        raise UsageError("a title is one printable line", advice=f"1 to {MAX_TITLE} characters")
    return title


def title_of(path: Path) -> str:
    """A title from a file's name, where none is given."""
    return "".join(char if char.isprintable() else "_" for char in path.stem)[:MAX_TITLE] or "_"


def _check_files(files: Sequence[Path], limits: Limits) -> list[_Checked]:
    checked, rejected = [], []
    for path in files:
        try:
            if path.is_dir():
                raise UnsupportedInputError("this is a folder", advice="give its files, one per document")
            with open_source(path, limits) as source:
                checked.append(
                    _Checked(path, source.sha256, source.size, str(source.media_type), source.page_count)
                )
        except BadInputError as error:
            rejected.append((str(path), error))
    if rejected:
        raise RejectedFilesError(tuple(rejected))
    return checked


def _keep_original(home: Home, file: _Checked) -> Original:
    key = f"originals/{file.sha256[:2]}/{file.sha256}"
    home.store.put(key, file.path, file.sha256)
    return Original(file.sha256, file.size, file.media_type, key)


def name_actor() -> str:
    """Who acts, for the audit log: the user's number on this machine."""
    return f"uid:{os.getuid()}"
