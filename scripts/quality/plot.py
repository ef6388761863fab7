"""The reliability plot: what the model said against what was so, as an SVG picture."""

from scripts.quality.ranks import Bin

_SIDE, _MARGIN = 360, 56
_COLOURS = {"fast": "#b07d2b", "full": "#2f6db3"}


def draw_reliability(bins: dict[str, list[Bin]]) -> str:
    """One curve a model; points grow with their pages. On the diagonal a model is right about itself."""
    size = _SIDE + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{size}" height="{size}" fill="#fff"/>',
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#b8bec6" stroke-dasharray="5 4"/>',
        f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="#1d2733"/>',
        *(_tick(share / 4) for share in range(5)),
        _text(size / 2, size - 12, "p_unreadable, as said", "middle"),
        _text(12, 24, "share of pages that are unreadable", "start"),
    ]
    for row, (name, found) in enumerate(bins.items()):
        colour = _COLOURS.get(name, "#1d2733")
        line = " ".join(f"{_x(part.said):.1f},{_y(part.was):.1f}" for part in found)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [
            f'<circle cx="{_x(part.said):.1f}" cy="{_y(part.was):.1f}" r="{2 + part.pages**0.5 * 0.6:.1f}" '
            f'fill="{colour}" fill-opacity="0.55"><title>{part.pages} pages</title></circle>'
            for part in found
        ]
        parts.append(_text(_x(0.04), _y(0.95) + 18 * row, f"{name} look", "start", colour))
    return "\n".join([*parts, "</svg>\n"])


def _x(share: float) -> float:
    return _MARGIN + share * _SIDE


def _y(share: float) -> float:
    return _MARGIN + (1 - share) * _SIDE


def _tick(share: float) -> str:
    return _text(_x(share), _y(0) + 18, f"{share:g}", "middle") + _text(
        _x(0) - 8, _y(share) + 4, f"{share:g}", "end"
    )


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#1d2733") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
