"""One small tree of errors: each class carries its exit code, its problem code and its advice.

Exit codes are a contract of the command line (README, "Exit codes").
"""


class SohoaError(Exception):
    """Something went wrong that a person can act on; `str()` is one line without a traceback.

    `what` says what is wrong, `advice` what to do about it. Neither may carry names, identity
    numbers or page text.
    """

    exit_code = 70
    problem_code = "internal"
    advice = "report this with the command you ran"

    def __init__(self, what: str, *, advice: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        if advice is not None:
            self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} ({self.advice})"


class UsageError(SohoaError):
    """The call itself is wrong."""

    exit_code = 2
    problem_code = "usage"
    advice = "see --help"


class BadInputError(SohoaError):
    """The file given cannot be digitised."""

    exit_code = 3
    problem_code = "bad_input"
    advice = "scan the paper again or export the file anew"


class UnsupportedInputError(BadInputError):
    """The bytes are no PDF, TIFF, JPEG or PNG."""

    problem_code = "unsupported_input"
    advice = "give a PDF, TIFF, JPEG or PNG"


class EncryptedInputError(BadInputError):
    """The PDF asks for a password."""

    problem_code = "encrypted_input"
    advice = "remove the password and give the file again"


class DamagedInputError(BadInputError):
    """The bytes are cut short or corrupt."""

    problem_code = "damaged_input"


class OverLimitError(BadInputError):
    """The file asks for more bytes, pages, pixels, memory or seconds than the settings allow."""

    problem_code = "over_limit"
    advice = "split the document or raise the limit in the settings"


class MissingDependencyError(SohoaError):
    """A program, model or font this machine lacks."""

    exit_code = 4
    problem_code = "missing_dependency"
    advice = "run 'sohoa doctor' to see what to install"


class OutputError(SohoaError):
    """The result cannot be written."""

    exit_code = 5
    problem_code = "output"
    advice = "check the folder, its permissions and the free space"


class SigningError(SohoaError):
    """The PDF could not be signed."""

    exit_code = 6
    problem_code = "signing"
    advice = "check the signing key and its certificate"


class SigningServiceError(SigningError):
    """The time-stamping service, or a server of revocation status, did not give what the level asks for."""

    exit_code = 7
    problem_code = "signing_service"
    advice = (
        "try again later, or set on_tsa_failure = sign-b-b and run 'sohoa extend' when the service is back"
    )


class ReadingTimeoutError(SohoaError):
    """The engine did not finish a page in time."""

    problem_code = "reading_timeout"
    advice = "raise reading_timeout_s or look at the page"


class StoreError(SohoaError):
    """The object store cannot take or give an object."""

    problem_code = "store"
    advice = "check the store and its free space; nothing was lost, the job will be tried again"


class IntegrityError(StoreError):
    """Bytes in the store do not match their SHA-256."""

    problem_code = "integrity"
    advice = "restore the object from a backup; it was not used"


class BrokerAwayError(SohoaError):
    """The message broker cannot be reached; the ledger still knows what is to be done."""

    problem_code = "broker"
    advice = "check the broker; nothing was lost, the message will be sent again"


class ConflictError(SohoaError):
    """The ledger is in another state than the call needs."""

    exit_code = 2
    problem_code = "conflict"
    advice = "look at 'sohoa status'"


class NotFoundError(SohoaError):
    """No such record, document, page or object."""

    exit_code = 2
    problem_code = "not_found"
    advice = "look at 'sohoa status'"


class LeaseLostError(ConflictError):
    """A worker answers for a job that is no longer its own; what it brought is dropped."""

    problem_code = "lease_lost"
    advice = "nothing to do: another worker has the job"


class RejectedFilesError(BadInputError):
    """Some files of a hand-over cannot be digitised; nothing of it was registered.

    `rejected` pairs each bad file's path, as it was given, with what is wrong with it.
    """

    def __init__(self, rejected: tuple[tuple[str, BadInputError], ...]) -> None:
        super().__init__(
            "; ".join(f"{name}: {error.what}" for name, error in rejected), advice="nothing was registered"
        )
        self.rejected = rejected


class UnauthenticatedError(SohoaError):
    """No key or token, or one that is wrong, revoked, expired or not meant for this gateway."""

    exit_code = 2
    problem_code = "unauthenticated"
    advice = "send a valid key or token in the Authorization header"


class ForbiddenError(SohoaError):
    """Who asks is known and may not do this."""

    exit_code = 2
    problem_code = "forbidden"
    advice = "use a key with the role for it"


class TlsRequiredError(SohoaError):
    """The request came unencrypted where TLS is required."""

    problem_code = "tls_required"
    advice = "use https; a key that was sent in the clear should be revoked"


class RateLimitedError(SohoaError):
    """More requests than one key, or one address without a key, may send."""

    problem_code = "rate_limited"
    advice = "wait as long as Retry-After says"


class SlowRequestError(SohoaError):
    """The body did not come in time."""

    problem_code = "slow_request"
    advice = "send the page again; nothing of it was kept"


class InvalidRequestError(UsageError):
    """A part of the request does not have the form that the API asks for."""

    problem_code = "invalid_request"
    advice = "see errors, and the API's description at /openapi.json"


class DigestMismatchError(UsageError):
    """The bytes that came are not those that `Content-Digest` announced."""

    problem_code = "digest_mismatch"
    advice = "send the bytes again"


class UploadOffsetError(ConflictError):
    """A piece of a file begins elsewhere than where the file is to go on: at `offset`."""

    problem_code = "upload_offset"
    advice = "go on at the offset that the answer names"

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.offset = offset


class IdempotencyConflictError(ConflictError):
    """An `Idempotency-Key` comes again with another request."""

    problem_code = "idempotency_conflict"
    advice = "use a new key for a new dossier"


class PagesMissingError(ConflictError):
    """A dossier is submitted before all its pages came; `missing` names them as `ordinal:number`."""

    problem_code = "pages_missing"
    advice = "send the missing pages, then submit again"

    def __init__(self, what: str, missing: tuple[str, ...]) -> None:
        super().__init__(what)
        self.missing = missing


class PageNotFlaggedError(ConflictError):
    """A page is replaced after the hand-over, though nothing is wrong with it as far as is known."""

    problem_code = "page_not_flagged"
    advice = "only a page that waits for a rescan is replaced once the dossier was submitted"


class RangeError(UsageError):
    """The part of the file that was asked for does not exist."""

    problem_code = "range_not_satisfiable"
    advice = "ask for a range within the file's size"


class AckMismatchError(ConflictError):
    """An acknowledgement names another file than the event did."""

    problem_code = "ack_mismatch"
    advice = "fetch the files again and compare their SHA-256 with the event's"


class ProcedureNotAcceptedError(UsageError):
    """The published list does not let the post office take dossiers of this procedure."""

    problem_code = "procedure_not_accepted"
    advice = "send the citizen to the one-stop office, or look at 'sohoa procedures list'"


class BadListError(BadInputError):
    """A list that is to be imported has wrong rows; `rows` pairs each row's number with what is wrong."""

    problem_code = "bad_list"
    advice = "mend the rows and import the list again; nothing of it was taken"

    def __init__(self, what: str, rows: tuple[tuple[int, str], ...]) -> None:
        super().__init__(what)
        self.rows = rows
