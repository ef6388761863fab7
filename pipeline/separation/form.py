"""Where everything stands on a sheet: the measures that printing and finding share.

Millimetres from the top left corner of A4 unless named otherwise. The bars run along all four edges, so a
sheet torn in two, folded, cut or stained still shows some of them.
"""

PAGE_MM = (210.0, 297.0)
MARGIN_MM = 8.0
"""From the paper's edge to the outermost bar: office printers leave 4 to 6 mm unprinted."""

BARS = (1, 1, 2, 1, 1, 2, 2)
"""Bar, gap, bar, gap, bar, gap, bar, from the edge inwards, in units: no ruled table or letterhead has it,
and read backwards it is another pattern (2 2 1 1 2 1 1)."""
UNIT_MM = 1.2
"""4.7 pixels at 100 dpi, 3.5 at 75: a bar code's bars are a third of it."""
BAND_MM = UNIT_MM * sum(BARS)
CORNER_GAP_MM = 3.0
"""Between the upright bands and those across."""

INNER_LEFT_MM = MARGIN_MM + BAND_MM + 5.5
INNER_RIGHT_MM = PAGE_MM[0] - INNER_LEFT_MM
INNER_TOP_MM = MARGIN_MM + BAND_MM + 5.5
INNER_BOTTOM_MM = PAGE_MM[1] - INNER_TOP_MM

QR_INSET_MM = 12.0
"""From the inner edge sidewards: on a scan 15 degrees askew the corners of the paper are lost."""
QR_MM = 46.0
"""Printed without its quiet zone, which is left blank: four modules, 5 mm."""
QR_QUIET_MM = 5.0
BARCODE_MM = (150.0, 17.0)
