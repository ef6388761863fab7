"""Measurements against peers and floors, never part of the tests.

`python -m scripts.bench` reads generated pages whose truth is known (`kinds`) with the command
`sohoa digitize` (`sohoa_command`), with bare Tesseract on prepared pages (`floor`) and with OCRmyPDF
(`ocrmypdf_command`), in one run on the same files, and writes a table, a JSON file and an HTML page.
`--real` reads the real scans instead; `first-mark`, `steps`, `orientation`, `ablation` and `show` are
commands of their own.
Tune on `--seeds dev`; figures that are reported come from `--seeds test`.
"""
