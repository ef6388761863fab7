"""Pages drawn for the tests of the image room: Vietnamese administrative text, damaged at known angles."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from schemas.page import Pixels, ScanPage

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
needs_font = pytest.mark.skipif(not FONT.exists(), reason="fonts-croscore is not installed")

SENTENCES = (
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "",
    "ĐƠN ĐỀ NGHỊ XÁC NHẬN TÌNH TRẠNG CƯ TRÚ",
    "Kính gửi: Ủy ban nhân dân phường nơi đăng ký thường trú.",
    "Căn cứ hồ sơ đã nộp tại bộ phận tiếp nhận và trả kết quả, người làm đơn",
    "kính đề nghị cơ quan có thẩm quyền xem xét, xác nhận các nội dung sau đây",
    "theo đúng quy định của pháp luật về cư trú và quản lý hộ tịch hiện hành.",
    "Trong thời hạn năm ngày làm việc kể từ ngày nhận đủ giấy tờ hợp lệ, cơ quan",
    "tiếp nhận phải trả lời bằng văn bản cho người nộp; trường hợp từ chối thì",
    "nêu rõ lý do và hướng dẫn bổ sung những giấy tờ còn thiếu trong hồ sơ.",
    "Người làm đơn cam đoan những lời khai trên là đúng sự thật và chịu trách",
    "nhiệm trước pháp luật về việc kê khai của mình. Kèm theo đơn này gồm có:",
    "giấy chứng nhận quyền sử dụng đất, biên bản kiểm tra hiện trạng công trình,",
    "bản sao giấy khai sinh, phiếu lý lịch tư pháp và giấy ủy quyền đã công chứng.",
    "Bưu điện huyện nhận hồ sơ, quét từng trang, kiểm tra chất lượng hình ảnh rồi",
    "chuyển đến bộ phận một cửa; kết quả được gửi lại theo địa chỉ đã đăng ký.",
    "Mọi vướng mắc xin liên hệ tổ công tác giải quyết thủ tục hành chính của xã.",
)

PAPER, INK = 246, 28


def draw_page(lines: tuple[str, ...] = SENTENCES, dpi: float = 200, size_pt: float = 14) -> Pixels:
    """An A4 page in RGB on off-white paper."""
    width_px, height_px = round(8.27 * dpi), round(11.69 * dpi)
    page = Image.new("RGB", (width_px, height_px), (PAPER, PAPER, PAPER - 2))
    font = ImageFont.truetype(str(FONT), round(size_pt / 72 * dpi), layout_engine=ImageFont.Layout.BASIC)
    pen = ImageDraw.Draw(page)
    pitch = round(1.45 * size_pt / 72 * dpi)
    for number, line in enumerate(lines):
        pen.text((round(0.9 * dpi), round(dpi) + number * pitch), line, font=font, fill=(INK, INK, INK))
    return np.asarray(page, dtype=np.uint8).copy()


def lean(pixels: Pixels, skew_deg: float) -> Pixels:
    """Turn counter-clockwise by `skew_deg`, as a sheet lies crooked on the glass."""
    height_px, width_px = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width_px - 1) / 2, (height_px - 1) / 2), skew_deg, 1)
    paper = (PAPER, PAPER, PAPER - 2)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (width_px, height_px), flags=cv2.INTER_CUBIC, borderValue=paper),
        dtype=np.uint8,
    )


def dim(pixels: Pixels, seed: int = 1) -> Pixels:
    """A quarter of the light, with sensor noise."""
    noise = np.random.default_rng(seed).normal(0, 2.5, pixels.shape[:2])
    return np.clip(pixels * 0.22 + noise[..., None], 0, 255).astype(np.uint8)


def shade(pixels: Pixels) -> Pixels:
    """Light that falls from full on the left to a fifth on the lower right, and a fold across."""
    height_px, width_px = pixels.shape[:2]
    x, y = np.meshgrid(np.linspace(0, 1, width_px), np.linspace(0, 1, height_px))
    light = 1 - 0.8 * np.clip(0.75 * x + 0.35 * y, 0, 1)
    light *= 1 - 0.35 * np.exp(-(((y - 0.32) / 0.02) ** 2))
    return np.clip(pixels * light[..., None], 0, 255).astype(np.uint8)


def fade(pixels: Pixels) -> Pixels:
    """Toner nearly gone: ink at four fifths of the paper's brightness."""
    return np.clip(PAPER - (PAPER - pixels.astype(np.float32)) * 0.2, 0, 255).astype(np.uint8)


def stamp(pixels: Pixels, colour: tuple[int, int, int] = (205, 45, 60)) -> Pixels:
    """Two round seals with lettering over the text; ink multiplies with what lies under it."""
    height_px, width_px = pixels.shape[:2]
    layer = Image.new("RGB", (width_px, height_px), (255, 255, 255))
    pen = ImageDraw.Draw(layer)
    unit = width_px / 20
    font = ImageFont.truetype(str(FONT), round(unit * 0.7), layout_engine=ImageFont.Layout.BASIC)
    for middle_x, middle_y in ((6, 8), (13, 10)):
        x, y = middle_x * unit, middle_y * unit
        for radius, width in ((2.9, 0.16), (2.6, 0.05), (1.6, 0.08)):
            bounds = (x - radius * unit, y - radius * unit, x + radius * unit, y + radius * unit)
            pen.ellipse(bounds, outline=colour, width=max(1, round(width * unit)))
        for row, text in enumerate(("ỦY BAN NHÂN", "★ ★ ★", "PHƯỜNG XÃ")):
            pen.text((x - 2.2 * unit, y + (row - 1.6) * unit), text, font=font, fill=colour)
        pen.ellipse((x - unit, y - unit, x + unit, y + unit), fill=colour)
    product = pixels.astype(np.uint16) * np.asarray(layer, dtype=np.uint16) // 255
    return np.asarray(cv2.GaussianBlur(product.astype(np.uint8), (3, 3), 0), dtype=np.uint8)


def sign(pixels: Pixels, colour: tuple[int, int, int] = (24, 42, 128)) -> Pixels:
    """A signature in pen over the text: loops four lines high; ink multiplies with what lies under it."""
    height_px, width_px = pixels.shape[:2]
    along = np.linspace(0, 1, 400)
    x = width_px * (0.2 + 0.4 * along + 0.04 * np.sin(along * 40))
    y = height_px * (0.3 + 0.05 * np.sin(along * 23) * (1.2 - along))
    layer = np.full_like(pixels, 255)
    path = np.stack((x, y), axis=1).round().astype(np.int32)
    cv2.polylines(layer, [path], isClosed=False, color=colour, thickness=5, lineType=cv2.LINE_AA)
    product = pixels.astype(np.uint16) * layer // 255
    return np.asarray(cv2.GaussianBlur(product.astype(np.uint8), (3, 3), 0), dtype=np.uint8)


def scan_of(pixels: Pixels, dpi: float = 200, *, bilevel: bool = False, dpi_known: bool = True) -> ScanPage:
    return ScanPage(1, np.ascontiguousarray(pixels), dpi, dpi_known, bilevel, "image")
