"""`sohoa submit --server`: the same hand-over, through a gateway, with a station's key."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import BadInputError, RejectedFilesError, UsageError

if TYPE_CHECKING:
    from schemas.api import DossierView
    from schemas.dossier import DossierStatus
    from workers.station.gateway_client import GatewayClient

MAX_KEY_BYTES = 1024
AT_REST = {"complete", "needs_rescan", "failed"}


@dataclass(frozen=True, slots=True)
class HandIn:
    """What is to be sent. `replace`, `accept`: (ordinal, number) of a page of `dossier_id`."""

    record: str
    files: list[Path]
    titles: list[str]
    declared_pages: list[int]
    procedure: str | None
    dossier_id: str | None = None
    replace: tuple[int, int] | None = None
    accept: tuple[int, int] | None = None
    reason: str = ""
    retry: bool = False
    kind: str = "intake"


def read_key(path: Path) -> str:
    """The key in a file of one line. Raises `UsageError`."""
    try:
        with path.open("rb") as file:
            key = file.read(MAX_KEY_BYTES).decode("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"the key cannot be read from {path}", advice="give --key-file FILE") from error
    if not key or any(char.isspace() for char in key):
        raise UsageError(f"{path} holds no key", advice="see 'sohoa keys issue'")
    return key


def hand_in(
    server: str, key_file: Path, asked: HandIn, watch: Callable[["DossierStatus"], None] | None
) -> str:
    """Send it and return the dossier's id; everything is durable at the gateway then.

    `watch` hears every change until the dossier rests. Raises `UsageError`, `RejectedFilesError`,
    `GatewayError`, `StoreError`.
    """
    from workers.station.gateway_client import GatewayClient

    with GatewayClient(server, read_key(key_file)) as client:
        dossier_id = _correct(client, asked) if asked.dossier_id else _send_all(client, asked)
        print(dossier_id, flush=True)
        if watch is not None:
            for view in client.watch(dossier_id):
                watch(tell_status(view))
                if view.state in AT_REST:
                    break
    return dossier_id


def tell_status(view: "DossierView") -> "DossierStatus":
    """The API's answer as the status of the ledger's own command line."""
    from schemas.dossier import DocumentStatus, DossierStatus, PageStatus

    return DossierStatus(
        id=view.id,
        state=view.state,
        procedure_code=view.procedure_code,
        documents=tuple(
            DocumentStatus(
                ordinal=paper.ordinal,
                title=paper.title,
                state=paper.state,
                pages=tuple(
                    PageStatus(
                        number=page.number,
                        revision=page.revision,
                        verdict=page.verdict,
                        reasons=tuple(reason.code for reason in page.reasons),
                        failure=page.failure,
                    )
                    for page in paper.pages
                ),
                renditions=(),
            )
            for paper in view.documents
        ),
    )


def _send_all(client: "GatewayClient", asked: HandIn) -> str:
    from workers.submit import check_record_code, check_title, title_of

    check_record_code(asked.record)
    if not asked.files:
        raise UsageError("no file given")
    if len(asked.titles) > len(asked.files) or len(asked.declared_pages) > len(asked.files):
        raise UsageError("more titles or page counts than files")
    titles = [check_title(title) for title in asked.titles]
    titles += [title_of(path) for path in asked.files[len(titles) :]]
    kinds = [_sniff(path) for path in asked.files]
    papers: list[dict[str, object]] = [{"title": title} for title in titles]
    for paper, pages in zip(papers, asked.declared_pages, strict=False):
        paper["pages"] = pages
    opened = client.open_dossier(asked.record, papers, asked.procedure, kind=asked.kind)
    for ordinal, (path, whole) in enumerate(zip(asked.files, kinds, strict=True), 1):
        _send(client, opened.id, ordinal, path, whole=whole)
    client.submit(opened.id)
    return opened.id


def _send(client: "GatewayClient", dossier_id: str, ordinal: int, path: Path, *, whole: bool) -> None:
    from workers.station.gateway_client import GatewayError

    try:
        if whole:
            client.put_file(dossier_id, ordinal, path)
        else:
            client.put_page(dossier_id, ordinal, 1, path)
    except GatewayError as error:
        if error.exit_code != BadInputError.exit_code:
            raise
        raise RejectedFilesError(((str(path), BadInputError(error.what, advice=error.advice)),)) from error


def _correct(client: "GatewayClient", asked: HandIn) -> str:
    dossier_id = asked.dossier_id or ""
    if asked.replace is not None:
        if len(asked.files) != 1:
            raise UsageError("--replace-page takes one FILE")
        client.put_page(dossier_id, *asked.replace, asked.files[0])
    elif asked.accept is not None:
        client.accept_page(dossier_id, *asked.accept, asked.reason)
    elif asked.retry:
        client.retry(dossier_id)
    else:
        raise UsageError("--dossier goes with --replace-page, --accept-page or --retry")
    return dossier_id


def _sniff(path: Path) -> bool:
    """Is it a document of several pages, maybe? Raises `RejectedFilesError`."""
    from pipeline.intake.sniff import HEAD_BYTES, MediaType, sniff

    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)) in {MediaType.PDF, MediaType.TIFF}
    except OSError as error:
        wrong = BadInputError(f"the file cannot be opened: {error.strerror}")
        raise RejectedFilesError(((str(path), wrong),)) from error
    except BadInputError as error:
        raise RejectedFilesError(((str(path), error),)) from error
