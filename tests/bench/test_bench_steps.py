"""The table of steps: every second counted once, and the whole told beside its parts."""

from time import process_time

from scripts.bench.steps import StepTable, Watch, tell_steps


def burn(seconds: float) -> None:
    until = process_time() + seconds
    while process_time() < until:
        pass


def test_the_time_of_an_inner_step_is_not_the_outer_steps() -> None:
    watch = Watch()
    inner = watch.around("inner", lambda: burn(0.05))

    def outer() -> str:
        inner()
        inner()
        return "done"

    started = process_time()
    assert watch.around("outer", outer)() == "done"
    spent = process_time() - started
    assert watch.seconds["inner"] >= 0.1
    assert sum(watch.seconds.values()) <= spent
    assert watch.seconds["outer"] <= spent - watch.seconds["inner"] + 1e-6


def test_the_table_tells_the_sum_and_the_share_of_each_step() -> None:
    told = tell_steps(
        StepTable(pages=2, steps={"look": 0.25, "recognition": 0.75}, command_s=1.02, bare_s=2.0)
    )
    assert "recognition" in told and "75.0%" in told
    assert told.splitlines()[-1].split()[-1] == "0.50"
