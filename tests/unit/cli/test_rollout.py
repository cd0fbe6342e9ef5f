"""How a VMDistributed's rollout is read from its status and shown."""

import io

import attrs
import pytest
from rich.console import Console

from vmop.cli.rollout import ChildView, Display, RolloutView, ZoneView, lines, size, table
from vmop.kube import Manifest, ObjectKey


def zone(name: str, phase: str, *, read: bool = True, write: bool = True, **more: object) -> Manifest:
    return {"name": name, "phase": phase, "inRead": read, "inWrite": write, **more}


def distributed(generation: int = 2, **status: object) -> Manifest:
    return {
        "metadata": {"name": "main", "namespace": "obs", "generation": generation},
        "spec": {},
        "status": status,
    }


UPDATING = distributed(
    updateStatus="expanding",
    observedGeneration=2,
    rollout={"revision": "3fa91c07be", "state": "Progressing", "currentZone": "west", "zonesTotal": 2, "zonesDone": 1},
    zones=[
        zone(
            "east",
            "Ready",
            backend={"kind": "VMCluster", "name": "main-east", "updateStatus": "operational"},
            agents=[{"kind": "VMAgent", "name": "main-east", "updateStatus": "operational"}],
        ),
        zone(
            "west",
            "UpdatingBackend",
            read=False,
            write=False,
            pendingBytes=4096,
            backend={"kind": "VMCluster", "name": "main-west", "updateStatus": "expanding"},
            agents=[{"kind": "VMAgent", "name": "main-west"}],
            message="waiting for VMCluster=obs/main-west",
        ),
    ],
)
DONE = distributed(
    updateStatus="operational",
    observedGeneration=2,
    rollout={"revision": "3fa91c07be", "state": "Idle", "completionTime": "2030-01-01T10:00:00Z"},
    zones=[zone("east", "Ready"), zone("west", "Ready")],
)


def drawn(view: RolloutView) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(table(view))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_status_is_read_in_full() -> None:
    assert RolloutView.of(UPDATING) == RolloutView(
        key=ObjectKey("obs", "main"),
        generation=2,
        seen=True,
        update_status="expanding",
        reason="",
        state="Progressing",
        revision="3fa91c07be",
        completed=False,
        current_zone="west",
        zones=(
            ZoneView(
                "east",
                "Ready",
                True,
                True,
                backend=ChildView("VMCluster", "main-east", "operational"),
                agents=(ChildView("VMAgent", "main-east", "operational"),),
            ),
            ZoneView(
                "west",
                "UpdatingBackend",
                False,
                False,
                pending_bytes=4096,
                backend=ChildView("VMCluster", "main-west", "expanding"),
                agents=(ChildView("VMAgent", "main-west"),),
                message="waiting for VMCluster=obs/main-west",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("manifest", "headline", "done", "failed"),
    [
        (distributed(), "waiting for the operator to look at it", False, False),
        (DONE | {"metadata": distributed(3)["metadata"]}, "waiting for the operator to look at it", False, False),
        (UPDATING, "progressing, 1 of 2 zones ready, west has its turn", False, False),
        (DONE, "operational, 2 of 2 zones ready", True, False),
        (distributed(updateStatus="failed", observedGeneration=2, reason="no"), "failed: no", False, True),
        (distributed(updateStatus="paused", observedGeneration=2), "paused: spec.paused is set", False, False),
        (distributed(updateStatus="expanding", observedGeneration=2), "expanding, 0 of 0 zones ready", False, False),
    ],
    ids=["new", "changed", "updating", "done", "failed", "paused", "begun"],
)
def test_one_sentence_says_what_goes_on(manifest: Manifest, headline: str, done: bool, failed: bool) -> None:
    view = RolloutView.of(manifest)
    assert (view.headline, view.done, view.failed) == (headline, done, failed)


def test_a_pass_that_runs_on_an_unchanged_spec_is_not_done() -> None:
    rollout = {"state": "Progressing", "currentZone": "east"}
    view = RolloutView.of(DONE | {"status": DONE["status"] | {"rollout": rollout}})
    assert (view.done, view.headline) == (False, "progressing, 2 of 2 zones ready, east has its turn")


@pytest.mark.parametrize(
    ("read", "write", "traffic"),
    [(True, True, "read+write"), (True, False, "read only"), (False, True, "write only"), (False, False, "out")],
)
def test_traffic_is_what_the_balancer_sends(read: bool, write: bool, traffic: str) -> None:
    assert ZoneView.of(zone("east", "Ready", read=read, write=write)).traffic == traffic


def test_the_table_has_a_row_a_zone_and_what_is_waited_for() -> None:
    assert drawn(RolloutView.of(UPDATING)) == [
        "VMDistributed obs/main",
        "progressing, 1 of 2 zones ready, west has its turn",
        "",
        " zone   phase             traffic       queued   backend       agent",
        " ─────────────────────────────────────────────────────────────────────────",
        " east   Ready             read+write             operational   operational",
        " west   UpdatingBackend   out          4.0 KiB   expanding     -",
        "",
        "  west: waiting for VMCluster=obs/main-west",
    ]


def test_lines_tell_only_what_is_new() -> None:
    before = RolloutView.of(UPDATING)
    east, west = before.zones
    after = attrs.evolve(before, zones=(east, attrs.evolve(west, phase="UpdatingAgent", message="")))
    assert list(lines(None, before)) == [
        "progressing, 1 of 2 zones ready, west has its turn",
        "  zone east         Ready            traffic: read+write",
        "  zone west         UpdatingBackend  traffic: out         waiting for VMCluster=obs/main-west",
    ]
    assert list(lines(before, after)) == ["  zone west         UpdatingAgent    traffic: out"]
    assert list(lines(after, after)) == []


def test_lines_show_queues_where_they_are_waited_for() -> None:
    before = RolloutView.of(UPDATING)
    east, west = before.zones
    after = attrs.evolve(before, zones=(east, attrs.evolve(west, phase="CatchingUp", message="not yet empty")))
    assert list(lines(before, after)) == [
        "  zone west         CatchingUp       traffic: out         4.0 KiB queued not yet empty"
    ]


def test_a_message_that_went_away_is_no_news() -> None:
    before = RolloutView.of(UPDATING)
    east, west = before.zones
    assert list(lines(before, attrs.evolve(before, zones=(east, attrs.evolve(west, message=""))))) == []


def test_without_a_terminal_each_change_is_a_line() -> None:
    console = Console(file=io.StringIO(), width=40)
    with Display(console, prefix=lambda: "1s ") as display:
        display.show(RolloutView.of(UPDATING))
        display.show(RolloutView.of(DONE))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "1s progressing, 1 of 2 zones ready, west has its turn",
        "1s   zone east         Ready            traffic: read+write",
        "1s   zone west         UpdatingBackend  traffic: out         waiting for VMCluster=obs/main-west",
        "1s operational, 2 of 2 zones ready",
        "1s   zone west         Ready            traffic: read+write",
    ]


def test_on_a_terminal_the_table_ends_as_it_was_last_shown() -> None:
    console = Console(file=io.StringIO(), width=150, force_terminal=True)
    with Display(console) as display:
        display.show(RolloutView.of(UPDATING))
        display.show(RolloutView.of(DONE))
    assert isinstance(console.file, io.StringIO)
    assert "operational, 2 of 2 zones ready" in console.file.getvalue()


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 1024**3, "5.0 GiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size(count) == text
