"""Labels of the quality set: what a reader could do, never how the page was made."""

import pytest

from scripts.quality.examples import list_pages
from scripts.quality.kinds import SEEDS, draw_quality_page, split_of
from scripts.quality.labels import Label, Loss, label_page, measure_loss


@pytest.mark.parametrize(
    ("loss", "label"),
    [
        (Loss(0.02, 0.0, 0.0), Label.READABLE),
        (Loss(0.02, 0.0, 0.01), Label.BORDER),
        (Loss(0.2, 0.1, 0.0), Label.BORDER),
        (Loss(0.31, 0.2, 0.0), Label.UNREADABLE),
        (Loss(0.05, 0.26, 0.26), Label.UNREADABLE),
    ],
)
def test_labels_follow_the_loss(loss: Loss, label: Label) -> None:
    assert label_page(draw_quality_page("plain", 20_001), loss) is label


def test_the_best_reading_counts() -> None:
    page = draw_quality_page("plain", 20_001)
    loss = measure_loss(page, ["", page.scan.text, "xin chào"])
    assert loss == Loss(0.0, 0.0, 0.0)
    assert measure_loss(page, [""]).lost_share == 1.0


def test_a_wrong_tone_mark_loses_no_word_and_a_missing_line_its_words() -> None:
    page = draw_quality_page("plain", 20_001)
    without_marks = page.scan.text.translate(str.maketrans("ếềểễệốồổỗộấầẩẫậ", "êêêêêôôôôôâââââ"))
    assert measure_loss(page, [without_marks]).lost_share == 0
    first, rest = page.scan.text.split("\n", 1)
    lost = measure_loss(page, [rest]).lost_share
    assert lost == pytest.approx(len(first.split()) / len(page.scan.text.split()), abs=0.02)


def test_columns_read_across_lose_nothing() -> None:
    page = draw_quality_page("plain", 20_001)
    lines = page.scan.text.split("\n")
    across = "\n".join(lines[1::2] + lines[0::2])
    assert measure_loss(page, [across]) == Loss(0.0, 0.0, 0.0)


def test_what_lies_on_the_page_hides_its_words_and_a_page_without_print_loses_none() -> None:
    covered = draw_quality_page("sheet", 20_000)
    assert 0 < measure_loss(covered, [covered.scan.text]).hidden_share < 1
    blank = draw_quality_page("blank", 20_000)
    assert label_page(blank, measure_loss(blank, ["noise"])) is Label.NO_PRINT


def test_pages_are_the_same_again_and_splits_share_none() -> None:
    again = [draw_quality_page("half_blur", 20_003) for _ in range(2)]
    assert again[0].scan.jpeg == again[1].scan.jpeg
    pages = list(list_pages())
    assert len(pages) >= 1200 and len({(kind, seed) for kind, seed, _ in pages}) == len(pages)
    assert all(split_of(seed) == split and seed in SEEDS[split] for _, seed, split in pages)
