"""Leaving a step out changes the reading for as long as it lasts, and nothing afterwards."""

from pipeline.digitise import open_tools
from pipeline.image import prepare
from schemas.page import ScanPage
from schemas.settings import Settings
from scripts.bench.ablation import STEPS, WHOLE, AblationRow, tell_ablation
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_page
from scripts.samples.scanning import scan

MOTTO = "Độc lập - Tự do - Hạnh phúc"


def test_every_step_names_what_is_there() -> None:
    for step in STEPS:
        for module, name, _ in step.stand_ins:
            assert hasattr(module, name), f"{step.name}: {module.__name__}.{name}"


def test_without_orientation_a_turned_page_is_not_read_and_then_it_is_again() -> None:
    tools = open_tools(Settings())
    drawn = scan(render_page(PaperKind.SHORT_LETTER, 1), quarter_turn=90)
    page = ScanPage(1, drawn.pixels, float(drawn.dpi), True, False, "image")
    by_name = {step.name: step for step in STEPS}
    kept = prepare.find_orientation
    assert MOTTO in WHOLE.read(page, tools)
    assert MOTTO not in by_name["orientation"].read(page, tools)
    assert prepare.find_orientation is kept
    assert MOTTO in WHOLE.read(page, tools)


def test_the_table_tells_the_change_without_each_step() -> None:
    told = tell_ablation([AblationRow("clean", 2, (0.01, *(0.03 for _ in STEPS)))])
    head, row, mean = told.splitlines()
    assert head.split()[-1] == STEPS[-1].name
    assert row.split()[:3] == ["clean", "0.0100", "+0.0200"]
    assert mean.split()[1:] == row.split()[1:]
