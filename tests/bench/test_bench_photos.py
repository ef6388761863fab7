"""The corners of photographed sheets against the truth."""

from scripts.bench.kinds import DEV_SEEDS
from scripts.bench.photos import FoundSheet, measure_photos, tell_photos


def test_the_sheet_of_a_photo_is_found_to_the_millimetre() -> None:
    found = list(measure_photos(DEV_SEEDS[:1]))
    assert [sheet.kind for sheet in found] == ["photo_mild", "photo"]
    for sheet in found:
        assert sheet.corner_error_mm is not None and sheet.corner_error_mm < 1.5
        assert sheet.aspect_error is not None and sheet.aspect_error < 0.005


def test_a_sheet_that_was_not_found_is_told() -> None:
    told = tell_photos([FoundSheet("photo", 1, 1.0, 0.01), FoundSheet("photo", 2, None, None)], (1, 23))
    assert "found on 1 of 2 photos" in told and "1.00 mm" in told
    assert "flat scans taken for photos: 1 of 23" in told
