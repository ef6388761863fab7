import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.intake.open import open_source
from pipeline.intake.sniff import MediaType
from schemas.errors import BadInputError, DamagedInputError, UnsupportedInputError
from schemas.settings import Limits


def page(path: Path, grey: int) -> bytes:
    Image.fromarray(np.full((20, 30), grey, np.uint8)).save(path)
    return path.read_bytes()


def test_pages_in_natural_order(tmp_path: Path) -> None:
    contents = [
        page(tmp_path / name, grey) for name, grey in [("p2.png", 20), ("P3.tif", 30), ("p10.png", 100)]
    ]
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "Thumbs.db").write_text("x")
    with open_source(tmp_path, Limits()) as source:
        assert (source.media_type, source.page_count, source.signatures) == (MediaType.FOLDER, 3, 0)
        assert [source.read_page(n).pixels[0, 0] for n in (3, 1, 2)] == [100, 20, 30]
        assert source.read_page(2).number == 2
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        assert source.page_sha256s == tuple(digests)
        assert source.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()
        assert source.size == sum(map(len, contents))


def test_a_broken_page_does_not_spoil_the_others(tmp_path: Path) -> None:
    page(tmp_path / "1.png", 10)
    data = page(tmp_path / "2.png", 20)
    (tmp_path / "2.png").write_bytes(data[:-32])
    page(tmp_path / "3.png", 30)
    with open_source(tmp_path, Limits()) as source:
        assert source.page_count == 3
        with pytest.raises(DamagedInputError):
            source.read_page(2)
        assert source.read_page(3).pixels[0, 0] == 30


def test_folders_that_are_no_document(tmp_path: Path) -> None:
    def refused(match: str, kind: type[BadInputError] = UnsupportedInputError) -> None:
        with pytest.raises(kind, match=match), open_source(tmp_path, Limits()):
            pass

    refused("no page images", BadInputError)
    page(tmp_path / "1.png", 10)
    (tmp_path / "2").mkdir()
    refused("entry 2 of the folder is a folder")
    (tmp_path / "2").rmdir()
    (tmp_path / "2.txt").write_text("notes")
    refused("entry 2 of the folder")
    (tmp_path / "2.txt").unlink()
    (tmp_path / "2.pdf").write_bytes(b"%PDF-1.4")
    refused("is a PDF")
    (tmp_path / "2.pdf").unlink()
    (tmp_path / "2.png").symlink_to(tmp_path / "1.png")
    refused("is a link")
    (tmp_path / "2.png").unlink()
    images = [Image.new("L", (9, 9))] * 2
    images[0].save(tmp_path / "2.tif", save_all=True, append_images=images[1:])
    refused("several pages")


def test_a_file_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    page(tmp_path / "1.png", 10)
    with open_source(tmp_path, Limits()) as source:
        source.read_page(1)
        page(tmp_path / "1.png", 200)
        with (tmp_path / "1.png").open("ab") as file:
            file.write(b"more")
        with pytest.raises(DamagedInputError, match="changed"):
            source.read_page(1)
