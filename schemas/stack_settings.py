"""Settings of parting stacks; apart from `schemas.covers`, which every start of the program would load."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class StackRules(BaseModel):
    """How stacks are parted: `SOHOA_STACKS__SIDES` and so on."""

    model_config = ConfigDict(frozen=True)

    sides: Literal["auto", "one", "two"] = Field(
        default="auto", description="whether backs are scanned; auto: where most sheets have a blank back"
    )
    record_templates: tuple[str, ...] = Field(
        default=(),
        description="regular expressions that take the record code (group `record`) out of the text of other "
        "codes; none: a record code that stands alone in it",
    )
    receipts: Literal["check", "separate", "ignore"] = Field(
        default="check",
        description="record codes on receipts: stop where they differ from the cover; or begin a dossier, "
        "which then waits until it is accepted, for nothing proves its end",
    )
