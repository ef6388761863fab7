"""The ledger's words as the API's answers."""

from collections.abc import Iterable

from schemas.api import (
    DocumentView,
    DossierView,
    LookView,
    PageReceiptView,
    PageView,
    ReasonView,
    RenditionView,
    to_time,
)
from schemas.api_delivery import (
    AckedFileView,
    EventFile,
    EventMilestone,
    EventView,
    FileView,
    ReceiptView,
)
from schemas.dossier import DocumentStatus, DossierState, DossierStatus, PageStatus
from schemas.handover import AckReceipt, FastLook, FileEntry, Handover, HandoverPaper, PageReceipt
from schemas.ledger import DossierCompleted, Event, MilestoneReported
from schemas.milestones import MILESTONE_LABELS
from schemas.page import Reason, Verdict
from schemas.procedures import NOT_DIGITISED_LABELS
from schemas.report import REASON_ADVICE, REASON_LABELS, VERDICT_LABELS

STATE_LABELS = {
    DossierState.OPEN: "đang nhận",
    DossierState.SUBMITTED: "đã nộp",
    DossierState.PROCESSING: "đang xử lý",
    DossierState.NEEDS_RESCAN: "cần quét lại",
    DossierState.COMPLETE: "hoàn thành",
    DossierState.FAILED: "lỗi, chờ xử lý",
}


def tell_reasons(reasons: Iterable[Reason]) -> tuple[ReasonView, ...]:
    """Codes with their labels and advice."""
    return tuple(
        ReasonView(code=reason, label=REASON_LABELS[reason], advice=REASON_ADVICE[reason])
        for reason in reasons
    )


def tell_look(look: FastLook | None) -> LookView | None:
    """The fast look, for a clerk."""
    if look is None:
        return None
    return LookView(
        verdict=look.verdict,
        label=VERDICT_LABELS[look.verdict],
        reasons=tell_reasons(look.reasons),
        p_unreadable=look.p_unreadable,
        scan_again=look.verdict is Verdict.UNREADABLE,
    )


def tell_receipt(dossier_id: str, ordinal: int, receipt: PageReceipt) -> PageReceiptView:
    """What a station gets for a page."""
    return PageReceiptView(
        dossier_id=dossier_id,
        ordinal=ordinal,
        number=receipt.number,
        revision=receipt.revision,
        current=receipt.current,
        sha256=receipt.sha256,
        size=receipt.size,
        media_type=receipt.media_type,
        received_at=to_time(receipt.received_at),
        fast_look=tell_look(receipt.look),
    )


def tell_dossier(status: DossierStatus, handover: Handover) -> DossierView:
    """A dossier whole."""
    papers = {paper.ordinal: paper for paper in handover.papers}
    told = tuple(
        _tell_document(document, papers[document.ordinal], status.state) for document in status.documents
    )
    is_open = status.state is DossierState.OPEN
    return DossierView(
        id=status.id,
        record_code=handover.record_code,
        kind=handover.kind,
        procedure_code=status.procedure_code,
        office=handover.office,
        station=handover.station,
        state=status.state,
        label=STATE_LABELS[status.state],
        opened_at=to_time(handover.opened_at),
        submitted_at=None if is_open else to_time(handover.submitted_at),
        completed_at=None if handover.completed_at is None else to_time(handover.completed_at),
        missing_pages=tuple(
            f"{document.ordinal}:{number}" for document in told for number in document.missing_pages
        ),
        flagged_pages=tuple(
            f"{document.ordinal}:{page.number}"
            for document in told
            for page in document.pages
            if page.flagged
        ),
        documents=told,
        findings=() if is_open else status.findings,
    )


def _tell_document(document: DocumentStatus, paper: HandoverPaper, state: DossierState) -> DocumentView:
    numbers = {page.number for page in document.pages}
    waits = state is DossierState.OPEN and paper.not_digitised is None
    expected = max(paper.declared_pages or 1, *numbers, 1) if waits else 0
    return DocumentView(
        ordinal=document.ordinal,
        title=document.title,
        type_code=paper.type_code,
        state=document.state,
        declared_pages=paper.declared_pages,
        not_digitised=paper.not_digitised,
        not_digitised_label=NOT_DIGITISED_LABELS[paper.not_digitised] if paper.not_digitised else None,
        missing_pages=tuple(number for number in range(1, expected + 1) if number not in numbers),
        pages=tuple(_tell_page(page, paper) for page in document.pages),
        renditions=tuple(
            RenditionView(number=made.number, sha256=made.sha256, size=made.size, level=made.level)
            for made in document.renditions
        ),
    )


def _tell_page(page: PageStatus, paper: HandoverPaper) -> PageView:
    look = paper.looks.get(page.number)
    accepted = page.number in paper.accepted
    seen = page.verdict or (look.verdict if look else None)
    return PageView(
        number=page.number,
        revision=page.revision,
        verdict=page.verdict,
        label=VERDICT_LABELS[page.verdict] if page.verdict else None,
        reasons=tell_reasons(page.reasons),
        fast_look=tell_look(look),
        flagged=(seen is Verdict.UNREADABLE and not accepted) or page.failure is not None,
        accepted=accepted,
        failure=page.failure,
    )


def tell_file(file: FileEntry) -> FileView:
    """One rendition in a list."""
    return FileView(
        id=file.id,
        name=file.name,
        record_code=file.record_code,
        dossier_id=file.dossier_id,
        ordinal=file.ordinal,
        title=file.title,
        type_code=file.type_code,
        rendition=file.number,
        newest=file.newest,
        sha256=file.sha256,
        size=file.size,
        signature_level=file.level,
        created_at=to_time(file.created_at),
        content=name_content(file.id),
    )


def name_content(file_id: int) -> str:
    """Where a file's bytes are given out."""
    return f"/v1/files/{file_id}/content"


def tell_event(event: Event, file_ids: dict[str, int]) -> EventView:
    """One line of the feed; `file_ids` by key in the store."""
    payload = event.payload
    told = payload if isinstance(payload, DossierCompleted) else None
    return EventView(
        id=event.id,
        sequence=event.sequence,
        type=event.type,
        created_at=to_time(event.created_at),
        record_code=payload.record_code,
        dossier_id=told.dossier_id if told else None,
        kind=told.kind if told else None,
        files=tuple(
            EventFile(
                ordinal=document.ordinal,
                rendition=document.rendition,
                sha256=document.sha256,
                size=document.size,
                content=name_content(file_ids[document.key]) if document.key in file_ids else None,
            )
            for document in event.files
        ),
        milestone=_tell_milestone(payload) if isinstance(payload, MilestoneReported) else None,
    )


def _tell_milestone(payload: MilestoneReported) -> EventMilestone:
    return EventMilestone(
        id=payload.milestone_id,
        kind=payload.kind,
        label=MILESTONE_LABELS[payload.kind],
        occurred_at=to_time(payload.occurred_at),
        channel=payload.channel,
        place=payload.place,
        procedure_code=payload.procedure_code,
        due_at=None if payload.due_at is None else to_time(payload.due_at),
        corrects=payload.corrects,
    )


def tell_ack(receipt: AckReceipt, signed: str | None) -> ReceiptView:
    """What a client acknowledged; `signed`: the same with our signature."""
    return ReceiptView(
        event_id=receipt.event_id,
        client=receipt.client,
        record_code=receipt.record_code,
        complete=receipt.complete,
        signed=signed,
        files=tuple(
            AckedFileView(
                ordinal=file.ordinal,
                rendition=file.rendition,
                sha256=file.sha256,
                acked_at=to_time(file.acked_at),
            )
            for file in receipt.files
        ),
    )
