"""`make bench`: what the runtime costs, against its goals.

Run it as a module (``python -m benchmarks.run``): next to `queue.py` the standard library's module of that name would
be hidden.
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import queue, startup, store, structuring

OBJECTS = (10_000, 100_000)
FOREIGN = 50_000
BYTES_PER_OBJECT = 1500
OBJECTS_PER_SECOND = 50_000
FOREIGN_MEGABYTES = 15


class Figure(NamedTuple):
    """One line of the result. Without a goal it is there to be known."""

    what: str
    value: str
    goal: str = ""
    reached: bool = True


def figures() -> Iterator[Figure]:
    """One after the other, since each takes its time."""
    for objects in OBJECTS:
        stored = store.store_figures(objects)
        what = f"{objects:,} objects of {stored.object_bytes / 1000:.1f} kB"
        yield Figure(
            f"{what}: memory an object in the store",
            f"{stored.bytes_per_object / 1000:.2f} kB",
            f"<= {BYTES_PER_OBJECT / 1000} kB",
            stored.bytes_per_object <= BYTES_PER_OBJECT,
        )
        yield Figure(
            f"{what}: from watch bytes to store",
            f"{stored.objects_per_second:,.0f}/s",
            f">= {OBJECTS_PER_SECOND:,}/s",
            stored.objects_per_second >= OBJECTS_PER_SECOND,
        )
    for items in OBJECTS:
        queued = queue.measure(items)
        for how, rate in (("one by one", queued.one_by_one), ("all at once", queued.all_at_once)):
            yield Figure(
                f"work queue, {items:,} items through add, get, done, {how}",
                f"{rate:,.0f}/s",
                f">= {queue.GOAL:,}/s",
                rate >= queue.GOAL,
            )
    foreign = store.foreign_figures(FOREIGN).bytes_total / 1e6
    yield Figure(
        f"{FOREIGN:,} foreign pods and {FOREIGN:,} foreign secrets: memory",
        f"{foreign:.1f} MB",
        f"<= {FOREIGN_MEGABYTES} MB",
        foreign <= FOREIGN_MEGABYTES,
    )
    parsed = structuring.measure().parsed
    yield Figure(
        f"structuring {structuring.COUNT:,} VMClusters",
        f"{parsed:.2f} s",
        f"<= {structuring.GOAL_SECONDS} s",
        parsed <= structuring.GOAL_SECONDS,
    )
    start = startup.measure()
    yield Figure("operator, from start of the process to first reconcile", f"{start.seconds:.2f} s")
    if start.resident:
        yield Figure("operator, resident memory after it", f"{start.resident / 1e6:.0f} MB")


def main() -> int:
    console = Console(highlight=False)
    table = Table("what", "figure", "goal", "")
    table.columns[1].justify = table.columns[2].justify = "right"
    missed = 0
    with console.status("measuring, which takes about a minute") as status:
        for figure in figures():
            missed += not figure.reached
            verdict = "" if not figure.goal else "[green]reached" if figure.reached else "[red]missed"
            table.add_row(figure.what, figure.value, figure.goal, verdict)
            status.update(f"{figure.what}: {figure.value}")
    console.print(table)
    if missed:
        console.print(f"{missed} goal(s) missed. Figures are of one core: other work on this machine slows them down.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
