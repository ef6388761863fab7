"""Make `pipeline/binding/data/glyphless.ttf`: the font of the invisible text, one glyph without area.

    python scripts/build_glyphless_font.py

Shipped as data (1 KB), since fontTools and the building cost 0.06 CPU s in every call. The same versions give
the same bytes.
"""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

from pipeline.binding.textlayer import ADVANCE, FONT_NAME

TARGET = Path(__file__).parents[1] / "pipeline" / "binding" / "data" / "glyphless.ttf"


def build(target: Path) -> None:
    """Write `.notdef` and the blank glyph, a line across the whole em (see `pipeline.binding.textlayer`)."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "blank"])
    builder.setupCharacterMap({0x20: "blank"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((ADVANCE, 1000))
    pen.closePath()
    builder.setupGlyf({".notdef": Glyph(), "blank": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (ADVANCE, 0), "blank": (ADVANCE, 0)})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": FONT_NAME, "styleName": "Regular", "psName": FONT_NAME})
    builder.setupOS2(sTypoAscender=1000, sTypoDescender=0, usWinAscent=1000, usWinDescent=0)
    builder.setupPost()
    # fixed dates: the same pages give the same bytes
    builder.updateHead(created=3_800_000_000, modified=3_800_000_000)
    builder.font.recalcTimestamp = False
    builder.save(target)


if __name__ == "__main__":
    build(TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
