"""The fonts papers are printed in, and the promise that they have every letter they are asked for."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import ImageFont

from schemas.errors import MissingDependencyError

FONT_FOLDERS = (
    Path("/usr/share/fonts/truetype/croscore"),
    Path("/usr/share/fonts/croscore"),
    Path("/usr/share/fonts/truetype/noto"),
)
"""Where Debian (fonts-croscore) and Fedora put Tinos and Arimo, the metric twins of Times and Arial, and
where Debian's fonts-noto-core puts NotoSerif and NotoSans, which only the benchmark prints in."""

_INSTALL = "install the font: apt-get install fonts-croscore"
_INSTALL_NOTO = "install the font: apt-get install fonts-noto-core"


@dataclass(frozen=True, slots=True)
class Style:
    """How text is printed; `size_pt` in points."""

    family: str = "Tinos"
    size_pt: float = 13.5
    bold: bool = False
    italic: bool = False

    def but(
        self, *, size_pt: float | None = None, bold: bool | None = None, italic: bool | None = None
    ) -> "Style":
        """The same style with some of it changed."""
        return replace(
            self,
            size_pt=self.size_pt if size_pt is None else size_pt,
            bold=self.bold if bold is None else bold,
            italic=self.italic if italic is None else italic,
        )


def find_font(style: Style) -> Path:
    """The font file of `style`. Raises MissingDependencyError where it is not installed."""
    cut = {
        (False, False): "Regular",
        (True, False): "Bold",
        (False, True): "Italic",
        (True, True): "BoldItalic",
    }
    name = f"{style.family}-{cut[style.bold, style.italic]}.ttf"
    for folder in FONT_FOLDERS:
        if (folder / name).is_file():
            return folder / name
    advice = _INSTALL_NOTO if style.family.startswith("Noto") else _INSTALL
    raise MissingDependencyError(f"the font {name} is not on this machine", advice=advice)


@cache
def _letters_of(font: Path) -> frozenset[int]:
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def assert_font_covers(font: Path, text: str) -> None:
    """Raise MissingDependencyError unless the character map of `font` has every letter of `text`."""
    if not font.is_file():
        raise MissingDependencyError(f"the font {font.name} is not on this machine", advice=_INSTALL)
    missing = sorted(
        {letter for letter in text if not letter.isspace() and ord(letter) not in _letters_of(font)}
    )
    if missing:
        listed = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in missing[:5])
        raise MissingDependencyError(
            f"the font {font.name} lacks {len(missing)} letters: {listed}", advice=_INSTALL
        )


@cache
def load_font(style: Style, dpi: int) -> ImageFont.FreeTypeFont:
    """The font of `style` at `dpi`, ready to draw. Raises MissingDependencyError."""
    return ImageFont.truetype(find_font(style), round(style.size_pt * dpi / 72))
