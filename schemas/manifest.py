"""A dossier's manifest: all the ledger knows of it, kept in the store beside what it speaks of.

Rows are kept as the ledger has them, by the names of their columns, so that a ledger that was lost can be
rebuilt. A manifest is written once; the next state of the dossier gets the next number.
"""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

MANIFEST_KEY = re.compile(r"^dossiers/(?P<dossier>[0-9a-f-]{36})/(?P<changes>\d{6,})\.json$")
MANIFEST_SCHEMA = "sohoa/dossier-manifest@1"

Row = dict[str, Any]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class ManifestPage(_Model):
    """One revision of a page: its row, its original's row, and its readings' rows where it has several."""

    row: Row
    original: Row
    readings: tuple[Row, ...] = ()


class ManifestRendition(_Model):
    """One rendition: its row, and (number, revision, reading) of each page it shows."""

    row: Row
    pages: tuple[tuple[int, int, int], ...]


class ManifestDocument(_Model):
    """One paper."""

    row: Row
    pages: tuple[ManifestPage, ...]
    renditions: tuple[ManifestRendition, ...]


class DossierManifest(_Model):
    """One hand-over as of its `changes`-th change."""

    schema_: Literal["sohoa/dossier-manifest@1"] = "sohoa/dossier-manifest@1"
    dossier_id: str
    changes: int
    row: Row
    documents: tuple[ManifestDocument, ...]


def name_manifest(dossier_id: str, changes: int) -> str:
    """Its key; names in the order of their numbers."""
    return f"dossiers/{dossier_id}/{changes:06d}.json"
