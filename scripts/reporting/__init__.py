"""A report on a terminal, as CSV, as a workbook with charts, as one HTML page."""
