"""Pages drawn from known words, so that every box and letter is known."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from schemas.page import (
    Block,
    Box,
    Codec,
    DocumentInfo,
    EncodedImage,
    Line,
    Orientation,
    PageText,
    ScanPage,
    Skew,
    UprightPage,
    Word,
)

FONT = Path(__file__).parents[2] / "pipeline" / "binding" / "data" / "signature.ttf"
SENTENCES = (
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "Kính gửi: Ủy ban nhân dân phường Phù Đổng, tỉnh Gia Lai",
    "Tôi tên là Nguyễn Thị Hường, sinh ngày 01/02/1990",
    'an sao em vào (xem) ở nước, "quyết định" số 12/QĐ-UBND',
)
SCAN_TIME = "2026-11-24T12:00:00+07:00"
INFO = DocumentInfo(
    title="Đơn đề nghị <cấp & đổi>",
    scan_time=SCAN_TIME,
    source_sha256=("ab" * 32,),
    engine="tesserocr 5.5.4",
    record_code="H21.65-220914-0011",
    ordinal=1,
)

Drawn = tuple[ScanPage, UprightPage, PageText]


def draw_page(number: int = 1, *, bilevel: bool = False, dpi: float = 150.0) -> Drawn:
    """One A4 page of SENTENCES at 150 dpi, with a red ring unless it is bilevel."""
    image = Image.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONT), 24)
    lines = []
    for row, sentence in enumerate((*SENTENCES, f"Trang {number}")):
        left, top, words = 150.0, 200 + 60 * row, []
        for word in sentence.split():
            box = draw.textbbox((left, top), word, font=font)
            draw.text((left, top), word, fill="black", font=font)
            words.append(Word(word, 0.9, Box(*box)))
            left = box[2] + 8
        lines.append(Line(tuple(words), Box(150, top, left, top + 30)))
    if not bilevel:
        draw.ellipse((700, 900, 950, 1150), outline=(220, 20, 30), width=5)
    pixels = np.array(image)
    if bilevel:
        pixels = np.where(pixels[:, :, 0] > 127, 255, 0).astype(np.uint8)
    upright = UprightPage(
        number, pixels, dpi, True, bilevel, Orientation(0, True), Skew(0.0, True), (1, 0, 0, 0, 1, 0)
    )
    text = PageText(1240, 1754, "tesserocr", "vie", (Block(tuple(lines), Box(150, 200, 1100, 700)),))
    return ScanPage(number, pixels, dpi, True, bilevel, "image"), upright, text


def skew_page(upright: UprightPage, skew_deg: float) -> tuple[ScanPage, UprightPage]:
    """The page as a scanner's JPEG turned `skew_deg` counter-clockwise, and with the matrix back."""
    height, width = upright.pixels.shape[:2]
    side = int(np.hypot(width, height)) + 2
    skew = cv2.getRotationMatrix2D((width / 2, height / 2), skew_deg, 1)
    skew[:, 2] += ((side - width) / 2, (side - height) / 2)
    skewed = cv2.warpAffine(upright.pixels, skew, (side, side), borderValue=(255,) * 3)
    back = tuple(cv2.invertAffineTransform(skew).ravel())
    Image.fromarray(skewed).save(jpeg := io.BytesIO(), "JPEG", quality=92)
    stream = EncodedImage(Codec.JPEG, jpeg.getvalue(), side, side, 3)
    scanned = ScanPage(upright.number, skewed, upright.dpi, True, False, "embedded", stream)
    straight = replace(upright, skew=Skew(skew_deg, certain=True), matrix=back)
    return scanned, straight
