"""Field managers are named in two rooms that may not import each other: builders know whom a spec is from."""

from vmop.builders.vmdistributed.ownership import FIELD_MANAGERS
from vmop.kube.wire import OUR_MANAGERS
from vmop.reconcilers.vmdistributed.actions import MANAGER


def test_builders_and_watches_know_the_same_managers_as_ours() -> None:
    assert FIELD_MANAGERS == OUR_MANAGERS


def test_specs_of_children_are_written_by_one_of_ours() -> None:
    assert MANAGER in OUR_MANAGERS
