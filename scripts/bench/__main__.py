"""`python -m scripts.bench`: measure Sohoa beside OCRmyPDF and beside bare recognition."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from schemas.errors import MissingDependencyError, SohoaError

if TYPE_CHECKING:
    from scripts.bench.ocrmypdf_command import Ocrmypdf
    from scripts.bench.result import PageResult, RunResult
    from scripts.bench.run import Readers

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before Tesseract is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # and numpy, as `sohoa` does

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

OcrmypdfPath = Annotated[str | None, typer.Option("--ocrmypdf", help="the peer's command, or: none")]
CacheFolder = Annotated[
    Path | None, typer.Option(help="keep the peer's answers (and CPU seconds) in this folder")
]
OutFolder = Annotated[Path, typer.Option(help="folder for the JSON file, the HTML page and pictures")]
AnnexFolder = Annotated[
    Path | None, typer.Option("--out", help="keep what is printed in this folder of a run, for its HTML page")
]
Seeds = Annotated[Literal["dev", "test"], typer.Option(help="tune on dev, report on test")]


@app.callback(invoke_without_command=True)
def bench(  # noqa: PLR0913, PLR0917 -- the options of a command
    context: typer.Context,
    kinds: Annotated[str | None, typer.Option(help="kinds, comma between; default: all")] = None,
    pages_per_kind: Annotated[int, typer.Option(min=1)] = 2,
    seeds: Seeds = "dev",
    real: Annotated[bool, typer.Option("--real", help="the real scans with truth instead")] = False,
    ocrmypdf: OcrmypdfPath = None,
    out: OutFolder = Path("bench-out"),
    cache: CacheFolder = None,
    sohoa_options: Annotated[str, typer.Option(help="more options for `sohoa digitize`")] = "",
) -> None:
    """Sohoa, OCRmyPDF and bare recognition on pages whose text is known."""
    if context.invoked_subcommand is not None:
        return
    from scripts.bench.kinds import DEV_SEEDS, KINDS, TEST_SEEDS
    from scripts.bench.real_scans import run_real_scans
    from scripts.bench.result import write_result
    from scripts.bench.run import choose_seeds, run_kind

    chosen = kinds.split(",") if kinds else list(KINDS)
    unknown = sorted(set(chosen) - set(KINDS))
    if unknown:
        raise typer.BadParameter(f"no such kind: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    out.mkdir(parents=True, exist_ok=True)
    done: list[PageResult] = []
    cached: set[str] = set()
    with _open_readers(_find_peer(ocrmypdf, cache), sohoa_options.split()) as readers:
        if real:
            label, results = "real scans", run_real_scans(readers, out)
        else:
            label = f"{seeds} seeds"
            numbers = choose_seeds(DEV_SEEDS if seeds == "dev" else TEST_SEEDS, pages_per_kind)
            results = (run_kind(kind, numbers, readers, out) for kind in chosen)
        for result in results:
            done += result.pages
            cached |= {page.kind for page in result.pages if result.cached}
            write_result(_make_result(label, done, cached, readers), out / "bench.json")
            cers = ", ".join(f"{page.sohoa.cer:.4f}" for page in result.pages)
            print(f"{result.pages[0].kind}: CER {cers}", file=sys.stderr, flush=True)
    if not done:
        raise typer.BadParameter("no real scans with truth beside this checkout (../shared/data/real_scans)")
    _publish(_make_result(label, done, cached, readers), out)


@app.command()
def show(
    results: Annotated[list[Path], typer.Argument(help="bench.json files of earlier runs")],
    out: OutFolder = Path("bench-out"),
) -> None:
    """Join earlier runs (say, of different kinds) into one table and one HTML page."""
    from scripts.bench.annex import find_annexes
    from scripts.bench.result import RunResult, join_results

    joined = [RunResult.model_validate_json(path.read_text(encoding="utf-8")) for path in results]
    out.mkdir(parents=True, exist_ok=True)
    for path, result in zip(results, joined, strict=True):
        for page in result.pages:
            source, target = path.parent / page.picture, out / page.picture
            if source.is_file() and source.resolve() != target.resolve():
                target.write_bytes(source.read_bytes())
        for annex in find_annexes(path.parent):
            (out / annex.name).write_bytes(annex.read_bytes())
    _publish(join_results(joined), out)


@app.command("first-mark")
def first_mark(
    ocrmypdf: OcrmypdfPath = None,
    cache: CacheFolder = None,
    pages: Annotated[int, typer.Option(min=1, help="pages to measure")] = 20,
    out: AnnexFolder = None,
) -> None:
    """CPU seconds a page on ordinary office scans, beside OCRmyPDF on the same pages."""
    from scripts.bench.annex import keep_annex
    from scripts.bench.first_mark import measure_first_mark
    from scripts.bench.ocrmypdf_command import OPTIONS, find_ocrmypdf

    peer = find_ocrmypdf(ocrmypdf, cache)
    mark = measure_first_mark(peer, pages)
    kept = " (kept from an earlier run)" if mark.cached else ""
    told = (
        f"{mark.pages} pages of office scans in one PDF; CPU seconds a page, children and start-up included",
        f"  sohoa digitize --no-sign --jobs 1: {mark.sohoa_s:.2f}",
        f"  ocrmypdf {peer.version} {' '.join(OPTIONS)}: {mark.ocrmypdf_s:.2f}{kept}",
        f"  {mark.ratio:.1f} x fewer",
    )
    keep_annex("\n".join(told), "first-mark", out)


@app.command()
def steps(
    pages: Annotated[int, typer.Option(min=1, help="pages to measure")] = 20,
) -> None:
    """Where the time goes: CPU seconds a page by step, beside bare recognition of the same pages."""
    from scripts.bench.steps import measure_steps, tell_steps

    print(tell_steps(measure_steps(pages)))


@app.command()
def orientation(
    pages: Annotated[int, typer.Option(min=4, help="pages to turn upright")] = 500,
    seeds: Seeds = "dev",
    out: AnnexFolder = None,
) -> None:
    """Turn and level many pages, a third of them short, without reading them."""
    from pipeline.reading.open import open_engine
    from scripts.bench.annex import keep_annex
    from scripts.bench.kinds import DEV_SEEDS, TEST_SEEDS
    from scripts.bench.orientation import draw_turned_pages, find_turn, tell_orientation

    engine = open_engine("tesserocr")
    drawn = draw_turned_pages(pages, DEV_SEEDS if seeds == "dev" else TEST_SEEDS)
    keep_annex(tell_orientation([find_turn(page, engine) for page in drawn]), "orientation", out)


@app.command()
def ablation(
    kinds: Annotated[str | None, typer.Option(help="kinds, comma between; default: all")] = None,
    pages_per_kind: Annotated[int, typer.Option(min=1)] = 1,
    seeds: Seeds = "dev",
    out: AnnexFolder = None,
) -> None:
    """CER with every step, and its change with each left out in turn: a step that changes nothing goes."""
    from pipeline.digitise import open_tools
    from schemas.settings import Settings
    from scripts.bench.ablation import run_ablation, tell_ablation
    from scripts.bench.annex import keep_annex
    from scripts.bench.kinds import DEV_SEEDS, KINDS, TEST_SEEDS
    from scripts.bench.run import choose_seeds

    numbers = choose_seeds(DEV_SEEDS if seeds == "dev" else TEST_SEEDS, pages_per_kind)
    chosen = kinds.split(",") if kinds else list(KINDS)
    unknown = sorted(set(chosen) - set(KINDS))
    if unknown:
        raise typer.BadParameter(f"no such kind: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    rows = []
    for row in run_ablation(chosen, numbers, open_tools(Settings())):
        rows.append(row)
        print(f"{row.kind}: done", file=sys.stderr, flush=True)
    keep_annex(tell_ablation(rows), "ablation", out)


@app.command()
def photos(
    pages_per_kind: Annotated[int, typer.Option(min=1)] = 8,
    seeds: Seeds = "dev",
    flat_scans: Annotated[int, typer.Option(min=0, help="flat scans of each other kind, too")] = 1,
    out: AnnexFolder = None,
) -> None:
    """Corners of photographed sheets against the truth; flat scans must not be taken for photos."""
    from scripts.bench.annex import keep_annex
    from scripts.bench.kinds import DEV_SEEDS, TEST_SEEDS
    from scripts.bench.photos import count_flattened_scans, measure_photos, tell_photos
    from scripts.bench.run import choose_seeds

    numbers = DEV_SEEDS if seeds == "dev" else TEST_SEEDS
    found = list(measure_photos(choose_seeds(numbers, pages_per_kind)))
    flattened = count_flattened_scans(choose_seeds(numbers, flat_scans)) if flat_scans else None
    keep_annex(tell_photos(found, flattened), "photos", out)


@app.command()
def signing(
    documents: Annotated[int, typer.Option(min=1, help="documents of each kind")] = 200,
    token: Annotated[bool, typer.Option("--token", help="also through a SoftHSM token")] = False,
    out: AnnexFolder = None,
) -> None:
    """CPU of one signature as a multiple of a raw one; with --token, what many documents leave open."""
    from scripts.bench.annex import keep_annex
    from scripts.bench.signing import measure_signing, measure_token, tell_signing, tell_token

    costs = measure_signing(documents)
    told = []
    if token:
        cost, before, after = measure_token(documents)
        costs.append(cost)
        told.append(tell_token(before, after, documents))
    keep_annex("\n".join([tell_signing(costs, documents), *told]), "signing", out)


@contextmanager
def _open_readers(peer: "Ocrmypdf | None", options: list[str]) -> "Iterator[Readers]":
    from scripts.bench.floor import Floor
    from scripts.bench.run import Readers
    from scripts.bench.sohoa_command import measure_start_up

    peer_start_up_s = peer.measure_start_up() if peer else None
    with Floor() as floor:
        yield Readers(floor, measure_start_up(), peer, peer_start_up_s, options)


def _make_result(seeds: str, pages: "list[PageResult]", cached: set[str], readers: "Readers") -> "RunResult":
    from scripts.bench.result import RunResult

    return RunResult(
        seeds=seeds,
        made_at=datetime.now(UTC).isoformat(timespec="minutes"),
        sohoa_options=tuple(readers.options),
        sohoa_start_up_s=readers.sohoa_start_up_s,
        ocrmypdf_version=readers.ocrmypdf.version if readers.ocrmypdf else None,
        ocrmypdf_start_up_s=readers.ocrmypdf_start_up_s,
        ocrmypdf_cached_kinds=tuple(sorted(cached)),
        pages=tuple(pages),
    )


def _publish(result: "RunResult", out: Path) -> None:
    """The table on the terminal; `bench.json` and `bench.html` in `out`."""
    from scripts.bench.html import render_html
    from scripts.bench.result import write_result
    from scripts.bench.table import render_table

    write_result(result, out / "bench.json")
    (out / "bench.html").write_text(render_html(result, out), encoding="utf-8")
    print(render_table(result))
    print(f"every page: {out / 'bench.json'}; pictures of the worst: {out / 'bench.html'}")


def _find_peer(place: str | None, cache: Path | None) -> "Ocrmypdf | None":
    from scripts.bench.ocrmypdf_command import find_ocrmypdf

    if place == "none":
        return None
    try:
        return find_ocrmypdf(place, cache)
    except MissingDependencyError as error:
        if place is not None:
            raise
        print(f"OCRmyPDF is not measured: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    try:
        app()
    except SohoaError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
