"""ISO 19005-2, 6.1.3, 6.1.12, 6.1.13, 6.2.3, 6.4, 6.5, 6.8 to 6.11: the document as a whole."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.binding.pdfa.finding import MOST_OBJECTS, Finding, walk_values

LONGEST_STRING, LONGEST_NAME = 32767, 127
LARGEST_INTEGER, LARGEST_REAL, SMALLEST_REAL = 2**31 - 1, Decimal("3.403e38"), Decimal("1.175e-38")
"""ISO 19005-2, 6.1.13."""

_ACTIONS = {"/GoTo", "/GoToR", "/GoToE", "/Thread", "/URI", "/Named", "/SubmitForm"}
_NAMED_ACTIONS = {"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"}


def check_document(pdf: Pdf) -> Iterator[Finding]:
    """Trailer, catalog, permissions, form."""
    identifiers = pdf.trailer.get("/ID")
    if not isinstance(identifiers, Array) or len(identifiers) != 2 or not bytes(identifiers[0]):
        yield Finding("6.1.3", "the trailer has no /ID")
    if pdf.is_encrypted or "/Encrypt" in pdf.trailer:
        yield Finding("6.1.3", "the file is encrypted")
    root = pdf.Root
    names = root.get("/Names")
    if isinstance(names, Dictionary):
        if "/JavaScript" in names:
            yield Finding("6.5.1", "the document carries JavaScript")
        if "/AlternatePresentations" in names:
            yield Finding("6.10", "the document has alternate presentations")
    if "/Requirements" in root:
        yield Finding("6.11", "the catalog has requirements")
    if bool(root.get("/NeedsRendering", False)):
        yield Finding("6.4.2", "NeedsRendering is set")
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary):
        if "/XFA" in form:
            yield Finding("6.4.2", "the form is XFA")
        if bool(form.get("/NeedAppearances", False)):
            yield Finding("6.4.1", "NeedAppearances is set")
    yield from _check_permissions(pdf)
    yield from _check_layers(root)


def _check_permissions(pdf: Pdf) -> Iterator[Finding]:
    permissions = pdf.Root.get("/Perms")
    if not isinstance(permissions, Dictionary):
        return
    if set(permissions.keys()) - {"/DocMDP", "/UR3"}:
        yield Finding("6.1.12", "the permissions dictionary has keys besides DocMDP and UR3")
    certified = permissions.get("/DocMDP")
    if isinstance(certified, Dictionary):
        references: Any = certified.get("/Reference", Array())
        told = {key for reference in references for key in reference.keys()}  # noqa: SIM118
        if told & {"/DigestLocation", "/DigestMethod", "/DigestValue"}:
            yield Finding("6.1.12", "a signature reference under DocMDP has digest keys")


def _check_layers(root: Any) -> Iterator[Finding]:
    properties = root.get("/OCProperties")
    if not isinstance(properties, Dictionary):
        return
    others: Any = properties.get("/Configs", Array())
    configurations = [properties.get("/D"), *others]
    if any(not isinstance(one, Dictionary) or "/Name" not in one for one in configurations):
        yield Finding("6.9", "a layer configuration has no name")
    if any(isinstance(one, Dictionary) and "/AS" in one for one in configurations):
        yield Finding("6.9", "a layer configuration switches by itself (AS)")


def check_intents(pdf: Pdf) -> Iterator[Finding]:
    """Output intents and their profile."""
    intents: Any = pdf.Root.get("/OutputIntents", Array())
    profiles = [intent.get("/DestOutputProfile") for intent in intents if intent.get("/S") == Name.GTS_PDFA1]
    everyone = {
        intent.DestOutputProfile.objgen if intent.DestOutputProfile.is_indirect else None
        for intent in intents
        if "/DestOutputProfile" in intent
    }
    if len(everyone) > 1:
        yield Finding("6.2.3", "output intents have different profiles")
    if any(intent.get("/S") == Name("/GTS_PDFX") and "/DestOutputProfileRef" in intent for intent in intents):
        yield Finding("6.2.3", "a PDF/X output intent has DestOutputProfileRef")
    if not profiles or profiles[0] is None:
        yield Finding("6.2.3", "no output intent GTS_PDFA1 with a profile")
        return
    header = profiles[0].read_bytes()[:128]
    if len(header) < 128 or header[36:40] != b"acsp":
        yield Finding("6.2.3", "the output profile is no ICC profile")
        return
    if header[8] >= 5 or header[12:16] not in {b"mntr", b"prtr"}:
        yield Finding("6.2.3", "the output profile has a version or class not allowed")
    components = {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}.get(header[16:20])
    if components is None or components != profiles[0].get("/N"):
        yield Finding("6.2.3", "/N of the output profile disagrees with its colour space")


def read_intent_space(pdf: Pdf) -> str | None:
    """`RGB `, `GRAY` or `CMYK` of the PDF/A output intent; None without one."""
    intents: Any = pdf.Root.get("/OutputIntents", Array())
    for intent in intents:
        profile = intent.get("/DestOutputProfile")
        if intent.get("/S") == Name.GTS_PDFA1 and isinstance(profile, Stream):
            return profile.read_bytes()[16:20].decode("latin-1")
    return None


def check_values(pdf: Pdf) -> Iterator[Finding]:
    """Implementation limits, actions and embedded files, wherever they lie."""
    if len(pdf.objects) > MOST_OBJECTS:
        yield Finding("6.1.13", f"more than {MOST_OBJECTS} objects; the rest was not looked at")
    sources: Any = pdf.Root.get("/AF", Array())
    associated = {source.objgen for source in sources}
    for value in walk_values(pdf):
        if isinstance(value, Dictionary | Stream):
            yield from _check_dictionary(value)
            if "/EF" in value:
                yield from _check_embedded(value, associated)
        elif isinstance(value, pikepdf.Name):
            if len(str(value).encode()) > LONGEST_NAME + 1:
                yield Finding("6.1.13", "a name is longer than 127 bytes")
        elif isinstance(value, pikepdf.String):
            if len(bytes(value)) > LONGEST_STRING:
                yield Finding("6.1.13", "a string is longer than 32767 bytes")
        elif isinstance(value, int):
            if not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
                yield Finding("6.1.13", "an integer is out of range")
        elif isinstance(value, Decimal) and value and not SMALLEST_REAL <= abs(value) <= LARGEST_REAL:
            yield Finding("6.1.13", "a real number is out of range")


def _check_dictionary(item: Any) -> Iterator[Finding]:
    kind, subtype = item.get("/Type"), item.get("/S")
    is_action = kind == Name.Action or "/JS" in item
    if is_action and str(subtype) not in _ACTIONS:
        yield Finding("6.5.1", "an action that is not allowed is present")
    if kind in {None, Name.Action} and subtype in {Name.Launch, Name.JavaScript, Name("/ImportData")}:
        yield Finding("6.5.1", "an action that is not allowed is present")
    if subtype == Name.Named and "/N" in item and str(item.N) not in _NAMED_ACTIONS:
        yield Finding("6.5.1", "a named action that is not allowed is present")
    if "/AA" in item:
        yield Finding("6.5.2", "an additional-actions dictionary is present")
    if kind == Name.Page and "/PresSteps" in item:
        yield Finding("6.10", "a page has presentation steps")


def _check_embedded(item: Any, associated: set[tuple[int, int]]) -> Iterator[Finding]:
    """Part 2 takes PDF/A alone, which is not looked at here: what is embedded must keep part 3."""
    if "/F" not in item or "/UF" not in item:
        yield Finding("6.8", "an embedded file has no F or no UF name")
    if not associated:
        yield Finding("6.8", "a file is embedded; only PDF/A-1 and PDF/A-2 may be, and that is not checked")
    elif item.objgen not in associated or "/AFRelationship" not in item:
        yield Finding("6.8", "an embedded file is not associated with the document")
    elif not all("/Subtype" in item.EF[key] for key in item.EF.keys()):  # noqa: SIM118
        yield Finding("6.8", "an embedded file has no media type")
