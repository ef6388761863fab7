"""The XMP packet of a document (ISO 19005-2, 6.6): PDF/A-2u, and what the copy was made from.

Every namespace is declared on `rdf:Description`, and the extension schema has one of its own that comes
first: Preflight refuses declarations on single properties and schemas told after their use (seen).
"""

import re
from collections.abc import Sequence
from html import escape
from typing import Literal

from pipeline.binding.manifest import PageRecord, write_manifest
from schemas.page import DocumentInfo

CREATOR_TOOL = "Sohoa"
PRODUCER = "Sohoa (pikepdf)"
NAMESPACE = "urn:sohoa:ns:document:1#"
PREFIX = "sohoa"

PROPERTIES = {
    "recordCode": "Code of the one-stop record the document belongs to",
    "ordinal": "Ordinal of the document in its dossier",
    "paperType": "Type code of the paper",
    "station": "Scanning station or scanner",
    "engine": "Engine and version that read the text layer",
    "sourceSha256": "SHA-256 of each original scan, parted by spaces",
    "pages": "For each page: original and page in it, SHA-256 of the picture and of the page content",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean_text(text: str) -> str:
    """`text` without the characters XML 1.0 cannot carry."""
    return _NOT_XML.sub("", text)


def describe_document(info: DocumentInfo) -> dict[str, str]:
    """Our own properties that have a value, by their XMP name; document info carries the same ones."""
    values = {
        "recordCode": info.record_code,
        "ordinal": None if info.ordinal is None else str(info.ordinal),
        "paperType": info.paper_type,
        "station": info.station,
        "engine": info.engine,
        "sourceSha256": " ".join(info.source_sha256),
    }
    return {name: cleaned for name, value in values.items() if value and (cleaned := clean_text(value))}


def write_xmp(info: DocumentInfo, pages: Sequence[PageRecord], part: Literal[2, 3] = 2) -> bytes:
    """The packet, UTF-8, agreeing with the document info that `compose` writes; `part` of ISO 19005."""
    values = {**describe_document(info), "pages": write_manifest(pages)}
    own = "\n".join(
        f"   <{PREFIX}:{name}>{_escape(value)}</{PREFIX}:{name}>" for name, value in values.items()
    )
    schema = "\n".join(_describe_property(name, what) for name, what in PROPERTIES.items())
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
    xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
    xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
   <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
    <pdfaSchema:schema>Sohoa document</pdfaSchema:schema>
    <pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>
    <pdfaSchema:prefix>{PREFIX}</pdfaSchema:prefix>
    <pdfaSchema:property><rdf:Seq>
{schema}
    </rdf:Seq></pdfaSchema:property>
   </rdf:li></rdf:Bag></pdfaExtension:schemas>
  </rdf:Description>
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
    xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
    xmlns:{PREFIX}="{NAMESPACE}">
   <pdfaid:part>{part}</pdfaid:part>
   <pdfaid:conformance>U</pdfaid:conformance>
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{_escape(info.title)}</rdf:li></rdf:Alt></dc:title>
   <xmp:CreatorTool>{CREATOR_TOOL}</xmp:CreatorTool>
   <xmp:CreateDate>{_escape(info.scan_time)}</xmp:CreateDate>
   <xmp:ModifyDate>{_escape(info.scan_time)}</xmp:ModifyDate>
   <xmp:MetadataDate>{_escape(info.scan_time)}</xmp:MetadataDate>
   <pdf:Producer>{PRODUCER}</pdf:Producer>
{own}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()


def _describe_property(name: str, what: str) -> str:
    return (
        f'     <rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{what}</pdfaProperty:description></rdf:li>"
    )


def _escape(value: str) -> str:
    # a bare CR would come back from an XML reader as LF
    return escape(clean_text(value), quote=False).replace("\r", "&#13;")
