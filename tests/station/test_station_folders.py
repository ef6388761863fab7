"""Where a scan lies says what it belongs to; what does not say so is refused, with a reason."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.station.folders import Mapped, find_gap, map_folder, read_mark

RECORD = "H21.65-220914-0011"


def lay(root: Path, *names: str) -> Mapped:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return map_folder(root)


def test_names_say_what_a_scan_is(tmp_path: Path) -> None:
    mapped = lay(
        tmp_path,
        f"{RECORD.lower()}__1.004884/01 Đơn đề nghị/0001.jpg",
        f"{RECORD.lower()}__1.004884/01 Đơn đề nghị/Scan 10.JPG",
        f"{RECORD.lower()}__1.004884/01 Đơn đề nghị/trang-2b.png",
        f"{RECORD.lower()}__1.004884/02_Giấy_khai_sinh.pdf",
        f"{RECORD.lower()}__1.004884/3/1.tif",
        f"{RECORD.lower()}__1.004884/XONG.txt",
    )
    assert mapped.strays == ()
    (dossier,) = mapped.dossiers
    assert (dossier.record_code, dossier.procedure_code, dossier.kind) == (RECORD, "1.004884", "intake")
    assert [(paper.ordinal, paper.title) for paper in dossier.papers] == [
        (1, "Đơn đề nghị"),
        (2, "Giấy khai sinh"),
        (3, "Giấy tờ 3"),
    ]
    places = [(scan.ordinal, scan.number) for scan in dossier.scans]
    assert places == [(1, 1), (1, 2), (1, 10), (2, 0), (3, 1)]
    assert dossier.mark is not None
    assert not dossier.announced


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["0001.jpg"], "loose_file"),
        (["Hồ sơ của ông A/01/1.jpg"], "no_record_code"),
        ([f"{RECORD}__mã thủ tục/01/1.jpg"], "bad_procedure_code"),
        ([f"{RECORD}/0001.jpg"], "no_paper_number"),
        ([f"{RECORD}/Đơn/1.jpg"], "no_paper_number"),
        ([f"{RECORD}/01/bìa.jpg"], "no_page_number"),
        ([f"{RECORD}/01/0.jpg"], "no_page_number"),
        ([f"{RECORD}/01/trang/1.jpg"], "no_page"),
        ([f"{RECORD}/01/1.jpg", f"{RECORD}/01/0001.png"], "same_page_twice"),
        ([f"{RECORD}/01.pdf", f"{RECORD}/01 Đơn/1.jpg"], "pages_and_file"),
    ],
)
def test_what_does_not_belong_is_refused_in_the_clerks_words(
    tmp_path: Path, names: list[str], code: str
) -> None:
    mapped = lay(tmp_path, *names)
    (stray,) = mapped.strays
    assert stray.code == code
    assert stray.why


def test_a_record_file_announces_the_papers(tmp_path: Path) -> None:
    folder = tmp_path / "Quầy 3"
    folder.mkdir()
    (folder / "record.toml").write_text(
        f'record = "{RECORD}"\nkind = "result"\n[[papers]]\ntitle = "Quyết định"\npages = 2\n'
        '[[papers]]\ntitle = "Phụ lục"\n',
        encoding="utf-8",
    )
    mapped = lay(tmp_path, "Quầy 3/01/1.jpg", "Quầy 3/03 Khác/1.jpg")
    (dossier,) = mapped.dossiers
    assert (dossier.record_code, dossier.kind, dossier.announced) == (RECORD, "result", True)
    assert [(paper.title, paper.pages) for paper in dossier.papers] == [("Quyết định", 2), ("Phụ lục", None)]
    assert [stray.code for stray in mapped.strays] == ["unknown_paper"]


@pytest.mark.parametrize("text", ["record = 1", "[[papers]]\ntitle = ''", "\x00", "no toml", "more = 1"])
def test_a_record_file_that_says_nothing_sensible_stops_its_folder_alone(tmp_path: Path, text: str) -> None:
    folder = tmp_path / f"{RECORD}-x"
    folder.mkdir()
    (folder / "record.toml").write_text(text)
    mapped = lay(tmp_path, f"{RECORD}/01/1.jpg")
    assert [dossier.name for dossier in mapped.dossiers] == [RECORD]
    assert [stray.code for stray in mapped.strays] == ["bad_record_file"]


def test_links_and_the_agents_own_folders_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.mkdir()
    root = tmp_path / "watched"
    lay(root, f"{RECORD}/01/1.jpg", f"_archive/{RECORD}/01/1.jpg", f".sohoa/{RECORD}/01/1.jpg")
    (root / f"{RECORD}-2").symlink_to(secret)
    (root / RECORD / "02 Khác").symlink_to(secret)
    (root / RECORD / "01" / "2.jpg").symlink_to(secret / "x")
    mapped = map_folder(root)
    assert [scan.path.name for dossier in mapped.dossiers for scan in dossier.scans] == ["1.jpg"]
    assert {stray.code for stray in mapped.strays} == {"link", "no_page"}


@pytest.mark.parametrize(("text", "pages"), [("5", 5), ("\ufeff12 trang\r\n", 12), ("", None), ("0", None)])
def test_the_mark_declares_a_number(tmp_path: Path, text: str, pages: int | None) -> None:
    (tmp_path / "xong.txt").write_text(text, encoding="utf-8")
    assert read_mark(tmp_path / "xong.txt") == pages


def test_papers_are_numbered_without_a_gap(tmp_path: Path) -> None:
    (dossier,) = lay(tmp_path, f"{RECORD}/01/1.jpg", f"{RECORD}/03/1.jpg").dossiers
    assert find_gap(dossier) == 2


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)


@given(names=st.lists(st.one_of(NAMES, st.from_regex(r"\A[0-9]{1,5}[a-z]?\.jpg\Z")), max_size=6))
def test_no_name_is_taken_for_two_pages_or_breaks_anything(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("names")
    for name in names:
        path = root / RECORD / "01" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    mapped = map_folder(root)
    taken = [scan.path for dossier in mapped.dossiers for scan in dossier.scans]
    assert len({(scan.ordinal, scan.number) for one in mapped.dossiers for scan in one.scans}) == len(taken)
    assert not set(taken) & {stray.path for stray in mapped.strays}
