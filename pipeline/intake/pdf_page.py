"""What a PDF page shows: is it one image and nothing else?

The page's operators are followed as far as painting goes (ISO 32000-1, 8.4-8.9 and 9.3): an opaque
image that covers the page hides everything painted before it; what comes after it must be invisible
(text render mode 3 is what OCR layers use) for the page to count as "exactly that image".
Annotations are looked at too: signature fields are left to the original file, links draw nothing,
anything else (stamps, notes, form fields) belongs to the page's picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import pikepdf

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
Rectangle: TypeAlias = tuple[float, float, float, float]

IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
MAX_CONTENT_BYTES = 1 << 20
"""A page of one scan with its OCR layer has some 10 to 200 KB; more is drawn, not parsed."""
MAX_OPERATORS = 50_000
MAX_DEPTH = 5
COVERED = 0.9
"""Share of the page an image must cover. Scanners round page boxes to points; the real scans here
cover 0.998 or more, pages placed on slightly larger paper 0.93."""

_MAX_PARENTS = 32
_BUILD_PATH = {"re", "m", "l", "c", "v", "y", "W", "W*"}
_PAINT_PATH = {"f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh"}
_SHOW_TEXT = {"Tj", "TJ", "'", '"'}
_INVISIBLE_MODES = {3, 7}
_HIDDEN_FLAGS = 2 | 32
_SILENT_ANNOTATIONS = {"/Link", "/Popup"}


class TooComplexError(Exception):
    """Not worth following; let poppler draw it."""


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image XObject and the matrix that takes its unit square to the page; `whole` unless clipped,
    blended or optional."""

    image: pikepdf.Object
    matrix: Matrix
    whole: bool

    @property
    def box(self) -> Rectangle:
        """Its bounds on the page."""
        return transformed((0, 0, 1, 1), self.matrix)


@dataclass(frozen=True, slots=True)
class PageLook:
    """`only_image` is set where the page is exactly that image; `images` are all there are; `text` is what
    its operators show, annotations left out."""

    box: Rectangle
    rotate: int
    user_unit: float
    only_image: PlacedImage | None
    images: tuple[PlacedImage, ...]
    text: Literal["none", "hidden", "visible"] = "none"


@dataclass(frozen=True, slots=True)
class _State:
    matrix: Matrix = IDENTITY
    text_mode: int = 0
    clip: Rectangle = (-math.inf, -math.inf, math.inf, math.inf)
    plain: bool = True


@dataclass(slots=True)
class _Walk:
    """Paint events in order: a placed image, or None for anything else visible."""

    events: list[PlacedImage | None] = field(default_factory=list)
    operators: int = 0
    text: Literal["none", "hidden", "visible"] = "none"


@dataclass(slots=True)
class _Path:
    """The path under construction: rectangles, None for anything else; does it clip once it ends?"""

    parts: list[Rectangle | None] = field(default_factory=list)
    clips: bool = False

    def add(self, name: str, operands: Sequence[Any], state: _State) -> None:
        if name in {"W", "W*"}:
            self.clips = True
        else:
            self.parts.append(_path_rectangle(operands, state) if name == "re" else None)


def look_at_page(page: pikepdf.Page) -> PageLook:
    """Follow the page's operators.

    Raises `TooComplexError` where that is not worth it, and pikepdf's errors where the page is broken.
    """
    box = visible_box(page)
    walk = _Walk()
    contents = page.obj.get("/Contents")
    if contents is not None:
        _follow(walk, page, page.obj.get("/Resources", _inherited(page.obj, "/Resources")), _State(), 0)
    images = tuple(event for event in walk.events if event is not None)
    only = None
    for event in walk.events:  # the last covering image wins; whatever is painted after it spoils it
        only = event if event is not None and event.whole and _covers(event, box) else None
    if only is not None and _has_visible_annotations(page):
        only = None
    return PageLook(box, rotation(page), _user_unit(page), only, images, walk.text)


def visible_box(page: pikepdf.Page) -> Rectangle:
    """CropBox within MediaBox. Raises `ValueError` for an empty or nonsensical one."""
    media, crop = _rectangle(page.mediabox), _rectangle(page.cropbox)
    box = intersection(media, crop)
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        box = media
    if box[2] - box[0] < 1 or box[3] - box[1] < 1 or not all(map(math.isfinite, box)):
        raise ValueError("the page has no area")
    return box


def rotation(page: pikepdf.Page) -> int:
    """/Rotate, inherited, as 0, 90, 180 or 270 clockwise."""
    value = _inherited(page.obj, "/Rotate")
    degrees = int(value) if isinstance(value, int) else 0
    return degrees % 360 if degrees % 90 == 0 else 0


def multiplied(first: Matrix, then: Matrix) -> Matrix:
    """The matrix that applies `first`, then `then` (PDF row vectors)."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (
        a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m,
    )  # fmt: skip


def transformed(box: Rectangle, matrix: Matrix) -> Rectangle:
    """Bounds of a rectangle after a matrix."""
    a, b, c, d, e, f = matrix
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs), min(ys), max(xs), max(ys))


def intersection(one: Rectangle, other: Rectangle) -> Rectangle:
    """What two rectangles share; may be empty (right < left)."""
    return (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))


def area(box: Rectangle) -> float:
    """Area, 0 for an empty rectangle."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _covers(placed: PlacedImage, box: Rectangle) -> bool:
    return area(intersection(placed.box, box)) >= COVERED * area(box)


def _rectangle(values: Any) -> Rectangle:
    x0, y0, x1, y1 = (float(value) for value in values)
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _user_unit(page: pikepdf.Page) -> float:
    unit = float(page.obj.get("/UserUnit", 1))
    return unit if 0 < unit <= 1000 else 1.0


def _inherited(node: Any, key: str) -> Any:
    for _ in range(_MAX_PARENTS):
        if not isinstance(node, pikepdf.Object) or key in node:
            break
        node = node.get("/Parent")
    return node.get(key) if isinstance(node, pikepdf.Object) else None


def _has_visible_annotations(page: pikepdf.Page) -> bool:
    annotations = page.obj.get("/Annots")
    return isinstance(annotations, pikepdf.Array) and any(map(_draws, annotations))


def _draws(annotation: Any) -> bool:
    if not isinstance(annotation, pikepdf.Dictionary) or int(annotation.get("/F", 0)) & _HIDDEN_FLAGS:
        return False
    subtype = str(annotation.get("/Subtype", ""))
    if subtype == "/Widget":
        return "/AP" in annotation and _inherited(annotation, "/FT") != pikepdf.Name.Sig
    return subtype not in _SILENT_ANNOTATIONS


def _follow(walk: _Walk, stream: Any, resources: Any, state: _State, depth: int) -> None:
    saved: list[_State] = []
    path = _Path()
    for instruction in pikepdf.parse_content_stream(stream):
        walk.operators += 1
        if walk.operators > MAX_OPERATORS:
            raise TooComplexError
        name, operands = str(instruction.operator), list(instruction.operands)
        if name in _SHOW_TEXT and walk.text != "visible":
            walk.text = "hidden" if state.text_mode in _INVISIBLE_MODES else "visible"
        if name == "q":
            saved.append(state)
        elif name == "Q":
            state = saved.pop() if saved else state
        elif name == "Do":
            _do(walk, operands, resources, state, depth)
        elif name in _BUILD_PATH:
            path.add(name, operands, state)
        elif name in _PAINT_PATH or name == "n":
            if name == "sh" or (name != "n" and path.parts):
                walk.events.append(None)
            state = _clipped(state, path.parts) if path.clips else state
            path = _Path()
        elif name == "INLINE IMAGE" or (name in _SHOW_TEXT and state.text_mode not in _INVISIBLE_MODES):
            walk.events.append(None)
        else:
            state = _set(state, name, operands, resources)


def _set(state: _State, name: str, operands: Sequence[Any], resources: Any) -> _State:
    if name == "cm" and len(operands) == 6:
        a, b, c, d, e, f = (float(value) for value in operands)
        return replace(state, matrix=multiplied((a, b, c, d, e, f), state.matrix))
    if name == "Tr" and operands:
        return replace(state, text_mode=int(operands[0]))
    if name == "gs" and operands:
        settings = resources.get("/ExtGState", {}).get(str(operands[0]), {})
        return replace(state, plain=state.plain and _is_plain(settings))
    if name == "BDC" and operands and operands[0] == pikepdf.Name.OC:
        raise TooComplexError  # layers that may be switched off
    return state


def _is_plain(settings: Any) -> bool:
    return (
        settings.get("/SMask", pikepdf.Name.None_) == pikepdf.Name("/None")
        and float(settings.get("/ca", 1)) == 1
        and settings.get("/BM", pikepdf.Name.Normal) in (pikepdf.Name.Normal, pikepdf.Name.Compatible)
    )


def _path_rectangle(operands: Sequence[Any], state: _State) -> Rectangle | None:
    x, y, width, height = (float(value) for value in operands)
    a, b, c, d, _, _ = state.matrix
    straight = (a == 0 and d == 0) or (b == 0 and c == 0)
    return transformed((x, y, x + width, y + height), state.matrix) if straight else None


def _clipped(state: _State, path: list[Rectangle | None]) -> _State:
    only = path[0] if len(path) == 1 else None
    if only is None:
        return replace(state, plain=False)
    return replace(state, clip=intersection(state.clip, only))


def _do(walk: _Walk, operands: Sequence[Any], resources: Any, state: _State, depth: int) -> None:
    if not isinstance(resources, pikepdf.Dictionary) or not operands:
        return
    target = resources.get("/XObject", pikepdf.Dictionary()).get(str(operands[0]))
    if not isinstance(target, pikepdf.Stream):
        return  # readers draw nothing
    if "/OC" in target:
        raise TooComplexError
    if target.get("/Subtype") == pikepdf.Name.Image:
        placed = PlacedImage(target, state.matrix, whole=True)
        visible = area(intersection(placed.box, state.clip))
        masked = "/SMask" in target or "/Mask" in target or bool(target.get("/ImageMask", False))
        whole = state.plain and not masked and visible >= 0.99 * area(placed.box)
        walk.events.append(replace(placed, whole=whole))
    elif target.get("/Subtype") == pikepdf.Name.Form:
        if depth >= MAX_DEPTH or len(target.read_bytes()) > MAX_CONTENT_BYTES:
            raise TooComplexError
        matrix = tuple(float(value) for value in target.get("/Matrix", IDENTITY))
        inner = replace(state, matrix=multiplied(matrix, state.matrix))  # type: ignore[arg-type]
        if "/BBox" in target:
            box = transformed(_rectangle(target["/BBox"]), inner.matrix)
            inner = replace(inner, clip=intersection(inner.clip, box))
        _follow(walk, target, target.get("/Resources", resources), inner, depth + 1)
