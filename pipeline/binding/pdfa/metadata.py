"""ISO 19005-2, 6.6: the XMP packet, its schemas, the claim of PDF/A-2u, and document info that agrees."""

import re
from collections.abc import Iterator
from typing import TypeAlias
from xml.etree import ElementTree

from pikepdf import Dictionary, Pdf, Stream

from pipeline.binding.pdfa.finding import Finding
from pipeline.binding.xmp import NAMESPACE, PROPERTIES

LARGEST_METADATA = 8 * 2**20

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PDFAID = "{http://www.aiim.org/pdfa/ns/id/}"
_EXTENSION = "{http://www.aiim.org/pdfa/ns/extension/}"
_SCHEMA = "{http://www.aiim.org/pdfa/ns/schema#}"
_PROPERTY = "{http://www.aiim.org/pdfa/ns/property#}"
_INFO = {
    "/Title": "{http://purl.org/dc/elements/1.1/}title",
    "/Creator": "{http://ns.adobe.com/xap/1.0/}CreatorTool",
    "/Producer": "{http://ns.adobe.com/pdf/1.3/}Producer",
    "/CreationDate": "{http://ns.adobe.com/xap/1.0/}CreateDate",
    "/ModDate": "{http://ns.adobe.com/xap/1.0/}ModifyDate",
} | {f"/{name}": f"{{{NAMESPACE}}}{name}" for name in PROPERTIES}
_PREDEFINED = {
    "{http://purl.org/dc/elements/1.1/}",
    "{http://ns.adobe.com/xap/1.0/}",
    "{http://ns.adobe.com/pdf/1.3/}",
    "{http://ns.adobe.com/xap/1.0/mm/}",
    "{http://ns.adobe.com/xap/1.0/rights/}",
    "{http://ns.adobe.com/photoshop/1.0/}",
    "{http://ns.adobe.com/tiff/1.0/}",
    "{http://ns.adobe.com/exif/1.0/}",
    _PDFAID,
    _EXTENSION,
}
"""Namespaces of the schemas that ISO 19005-2, 6.6.2.3.1 predefines, as far as files of ours meet them."""
_PREFIXES = {
    b"http://www.aiim.org/pdfa/ns/id/": b"pdfaid",
    b"http://www.aiim.org/pdfa/ns/extension/": b"pdfaExtension",
    b"http://www.aiim.org/pdfa/ns/schema#": b"pdfaSchema",
    b"http://www.aiim.org/pdfa/ns/property#": b"pdfaProperty",
}

Values: TypeAlias = dict[str, str]


def check_metadata(pdf: Pdf) -> Iterator[Finding]:
    """Packet, schemas, claim, agreement."""
    metadata = pdf.Root.get("/Metadata")
    if not isinstance(metadata, Stream):
        yield Finding("6.6.2.1", "the catalog has no XMP metadata")
        return
    if "/Filter" in metadata:
        yield Finding("6.6.2.1", "the XMP metadata is compressed")
    packet = metadata.read_bytes()
    if len(packet) > LARGEST_METADATA or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        yield Finding("6.6.2.1", "the XMP metadata is no plain XMP packet")
        return
    yield from _check_packet(packet)
    tree = _parse(packet)
    yield from _check_properties(tree)
    values = _read_values(tree)
    if read_part(values) != ("3" if "/AF" in pdf.Root else "2") or values.get(_PDFAID + "conformance") != "U":
        yield Finding("6.6.4", "pdfaid does not say PDF/A-2u, or 3u where a file is associated")
    info = pdf.trailer.get("/Info")
    if isinstance(info, Dictionary):
        for key, name in _INFO.items():
            if key in info and _compact_date(key, str(info[key])) != _compact_date(key, values.get(name, "")):
                yield Finding("6.6.3", f"document info {key} disagrees with XMP")


def read_xmp(pdf: Pdf) -> Values:
    """Simple properties of the packet by `{namespace}name`; empty where there is none or a hostile one."""
    metadata = pdf.Root.get("/Metadata")
    packet = metadata.read_bytes() if isinstance(metadata, Stream) else b""
    if not packet or len(packet) > LARGEST_METADATA or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return {}
    return _read_values(_parse(packet))


def read_part(values: Values) -> str:
    """The part of ISO 19005 a packet claims, as text; empty where none."""
    return values.get(_PDFAID + "part", "").strip()


def read_own(pdf: Pdf, name: str) -> str:
    """One of our own properties, empty where it is not told."""
    return read_xmp(pdf).get(f"{{{NAMESPACE}}}{name}", "")


def _parse(packet: bytes) -> ElementTree.Element:
    # entities are refused before, so the standard parser has nothing to expand
    return ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))  # noqa: S314


def _check_packet(packet: bytes) -> Iterator[Finding]:
    header = re.match(rb"\s*<\?xpacket(.*?)\?>", packet, re.DOTALL)
    if header is not None and re.search(rb"\b(?:bytes|encoding)\s*=", header[1]):
        yield Finding("6.6.2.1", "the XMP header has bytes or encoding")
    try:
        packet.decode("utf-8")
    except UnicodeDecodeError:
        yield Finding("6.6.2.1", "the XMP metadata is not UTF-8")
    for prefix, uri in re.findall(rb"xmlns:([\w-]+)\s*=\s*[\"']([^\"']*)[\"']", packet):
        if _PREFIXES.get(uri, prefix) != prefix:
            clause = "6.6.4" if uri.endswith(b"/id/") else "6.6.2.3.3"
            yield Finding(clause, "a namespace of PDF/A has another prefix than told")


def _check_properties(tree: ElementTree.Element) -> Iterator[Finding]:
    told: set[str] = set()
    for schema in tree.iterfind(f".//{_EXTENSION}schemas/{_RDF}Bag/{_RDF}li"):
        uri = (schema.findtext(_SCHEMA + "namespaceURI") or "").strip()
        if not uri or not schema.findtext(_SCHEMA + "schema") or not schema.findtext(_SCHEMA + "prefix"):
            yield Finding("6.6.2.3.3", "an extension schema lacks its name, namespace or prefix")
        for entry in schema.iterfind(f"{_SCHEMA}property/{_RDF}Seq/{_RDF}li"):
            told.add(f"{{{uri}}}{(entry.findtext(_PROPERTY + 'name') or '').strip()}")
            if entry.findtext(_PROPERTY + "category") not in {"external", "internal"} or not all(
                entry.findtext(_PROPERTY + field) for field in ("name", "valueType", "description")
            ):
                yield Finding("6.6.2.3.3", "a property of an extension schema is not fully described")
    for description in tree.iter(_RDF + "Description"):
        for name in [child.tag for child in description] + list(description.attrib):
            namespace = name[: name.find("}") + 1]
            if namespace not in _PREDEFINED | {_RDF, ""} and name not in told:
                yield Finding("6.6.2.3.1", "an XMP property is neither predefined nor told by a schema")
                return


def _read_values(tree: ElementTree.Element) -> Values:
    values: Values = {}
    for description in tree.iter(_RDF + "Description"):
        values |= description.attrib
        for element in description:
            values[element.tag] = (
                "".join(element.itertext()).strip() if len(element) else (element.text or "")
            )
    return values


def _compact_date(key: str, value: str) -> str:
    return re.sub(r"[D:'T-]", "", value) if key.endswith("Date") else value.strip()
