"""`python -m scripts.bench`: measure Sohoa beside OCRmyPDF and beside bare recognition."""

import os
from pathlib import Path
from typing import Annotated

import typer

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before Tesseract is loaded

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

OcrmypdfPath = Annotated[str | None, typer.Option("--ocrmypdf", help="the peer's command, or: none")]
CacheFolder = Annotated[
    Path | None, typer.Option(help="keep the peer's answers (and CPU seconds) in this folder")
]


@app.callback(invoke_without_command=True)
def bench(context: typer.Context) -> None:
    """Sohoa, OCRmyPDF and bare recognition on pages whose text is known."""


@app.command("first-mark")
def first_mark(
    ocrmypdf: OcrmypdfPath = None,
    cache: CacheFolder = None,
    pages: Annotated[int, typer.Option(min=1, help="pages to measure")] = 20,
) -> None:
    """CPU seconds a page on ordinary office scans, beside OCRmyPDF on the same pages."""
    from scripts.bench.first_mark import measure_first_mark
    from scripts.bench.ocrmypdf_command import OPTIONS, find_ocrmypdf

    peer = find_ocrmypdf(ocrmypdf, cache)
    mark = measure_first_mark(peer, pages)
    print(f"{mark.pages} pages of office scans in one PDF; CPU seconds a page, children included")
    print(f"  sohoa digitize --no-sign --jobs 1          {mark.sohoa_s:6.2f}")
    kept = " (kept from an earlier run)" if mark.cached else ""
    print(f"  ocrmypdf {peer.version} {' '.join(OPTIONS)}  {mark.ocrmypdf_s:6.2f}{kept}")
    print(f"  {mark.ratio:.1f} x fewer")


if __name__ == "__main__":
    app()
