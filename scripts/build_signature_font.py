"""Make `pipeline/binding/data/signature.ttf`: the letters of a signature, from Tinos (SIL OFL 1.1).

    python scripts/build_signature_font.py [Tinos-Regular.ttf]

The font is scaled to 1000 units per em, so that PDF widths are exact (facts/pdf-and-signing.md,
"Width bug"), and holds Latin with every Vietnamese letter; glyph ids are stable for one source font.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

SOURCE = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
TARGET = Path(__file__).parents[1] / "pipeline" / "binding" / "data" / "signature.ttf"

LETTERS = (
    *range(0x20, 0x7F),  # Basic Latin
    *range(0xA1, 0x180),  # Latin-1 and Latin Extended-A: Đ, ă, ĩ, ũ
    *(0x1A0, 0x1A1, 0x1AF, 0x1B0),  # Ơ ơ Ư ư
    *range(0x1EA0, 0x1EFA),  # the other Vietnamese letters
    *(0x2010, 0x2011, 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026, 0x20AB),
)
TABLES = {"head", "hhea", "hmtx", "maxp", "loca", "glyf", "cmap", "name", "OS/2", "post"}


def build(source: Path, target: Path) -> int:
    """Write the subset and return its number of glyphs."""
    font = TTFont(source)
    options = Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.recalc_timestamp = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for code in LETTERS if code != 0xAD])
    subsetter.subset(font)
    for tag in set(font.keys()) - TABLES - {"GlyphOrder"}:
        del font[tag]
    scale_upem(font, 1000)
    font.save(target)
    return len(font.getGlyphOrder())


if __name__ == "__main__":
    glyphs = build(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE, TARGET)
    print(f"{TARGET}: {glyphs} glyphs, {TARGET.stat().st_size} bytes")
