"""The store against a model: an API server whose watch lags behind, is interrupted, and whose answers come late."""

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.informers.objects import config_map, wire
from vmop.informers.lister import Lister
from vmop.informers.store import Change, Store
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import CONFIG_MAP

KEYS = [ObjectKey(namespace, name) for namespace in ("x", "y") for name in ("a", "b")]
COLOURS = ["red", "blue"]


@attrs.frozen
class Event:
    kind: str
    manifest: Manifest


def version_of(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])


class StoreMachine(RuleBasedStateMachine):
    """``comparable``: the store may compare versions as numbers. ``selective``: the watch shows only what is red."""

    comparable = True
    selective = False

    @initialize()
    def begin(self) -> None:
        self.store = Store(CONFIG_MAP, comparable=lambda: self.comparable, selective=self.selective)
        self.store.add_index("colour", lambda stored: [stored.labels["colour"]])
        self.lister = Lister(self.store)
        self.version = 10
        self.uids = 0
        self.clock = 0.0
        self.live: dict[ObjectKey, Manifest] = {}
        self.log: list[Event] = []
        self.absences: list[tuple[ObjectKey, int]] = []
        self.delivered = 0
        self.answers: list[tuple[str, Manifest]] = []
        self.floor: dict[ObjectKey, int] = {}
        self.handled: dict[ObjectKey, str] = {}
        self.take(self.store.finish_list("", set(), "10", self.store.begin_list()))

    # --- the server ------------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), colour=st.sampled_from(COLOURS), ours=st.booleans())
    def write(self, key: ObjectKey, colour: str, ours: bool) -> None:
        self.version += 1
        known = self.live.get(key)
        if known is None:
            self.uids += 1
        generation = (
            1 if known is None else known["metadata"]["generation"] + (known["metadata"]["labels"]["colour"] != colour)
        )
        manifest = config_map(
            key.name,
            namespace=key.namespace,
            version=str(self.version),
            labels={"colour": colour},
            data={"version": str(self.version)},
            generation=generation,
        )
        manifest["metadata"]["uid"] = f"uid-{self.uids}" if known is None else known["metadata"]["uid"]
        self.live[key] = manifest
        was_visible = known is not None and self.visible(known)
        if self.visible(manifest):
            self.log.append(Event("MODIFIED" if was_visible else "ADDED", manifest))
        else:
            self.absences.append((key, self.version))
            if was_visible:
                self.log.append(Event("DELETED", manifest))
        if ours:
            self.answers.append(("write", manifest))

    @rule(key=st.sampled_from(KEYS), ours=st.booleans())
    def delete(self, key: ObjectKey, ours: bool) -> None:
        known = self.live.pop(key, None)
        if known is None:
            return
        self.version += 1
        last = {**known, "metadata": {**known["metadata"], "resourceVersion": str(self.version)}}
        self.absences.append((key, self.version))
        if self.visible(known):
            self.log.append(Event("DELETED", last))
        shown = self.lister.get(key)
        if ours and shown is not None and shown.uid == known["metadata"]["uid"]:  # nobody deletes what he has not seen
            self.answers.append(("delete", last))

    # --- what arrives ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.answers)
    @rule()
    def answer(self) -> None:
        """The oldest answer arrives, maybe long after the watch has shown its write."""
        kind, manifest = self.answers.pop(0)
        key = ObjectKey(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        if kind == "write":
            self.store.record_write(wire(manifest), self.clock, matches=self.visible(manifest))
        else:
            self.store.record_delete(key, manifest["metadata"]["uid"], self.clock)
        self.floor[key] = max(self.floor.get(key, 0), version_of(manifest))

    @precondition(lambda self: self.delivered < len(self.log))
    @rule()
    def deliver(self) -> None:
        event = self.log[self.delivered]
        self.delivered += 1
        change = (
            self.store.remove(wire(event.manifest), "")
            if event.kind == "DELETED"
            else self.store.upsert(wire(event.manifest), "")
        )
        self.take([change] if change else [])

    @rule()
    def relist(self) -> None:
        """The watch was interrupted; all is listed anew."""
        mark = self.store.begin_list()
        visible = self.visible_objects()
        for manifest in visible.values():
            change = self.store.upsert(wire(manifest))
            self.take([change] if change else [])
        self.take(self.store.finish_list("", set(visible), str(self.version), mark))
        self.delivered = len(self.log)

    @rule(seconds=st.sampled_from([1.0, 60.0]))
    def bookmark(self, seconds: float) -> None:
        """The watch has delivered everything and says so."""
        while self.delivered < len(self.log):
            self.deliver()
        self.clock += seconds
        self.store.bookmark("", str(self.version), self.clock)

    def take(self, changes: list[Change]) -> None:
        """A handler that keeps a copy, and checks that what it is told fits to it."""
        for change in changes:
            subject = change.new or change.old
            assert subject is not None
            known = self.handled.pop(subject.key, None)
            assert known == (change.old.resource_version if change.old else None)
            if change.new is not None:
                self.handled[subject.key] = change.new.resource_version

    # --- what must always hold -------------------------------------------------------------------------------------

    @invariant()
    def never_older_than_what_we_wrote(self) -> None:
        for key, floor in self.floor.items():
            shown = self.lister.get(key)
            if shown is not None:
                assert int(shown.resource_version) >= floor

    @invariant()
    def what_we_wrote_is_there_unless_deleted_later(self) -> None:
        for key, floor in self.floor.items():
            if self.lister.get(key) is None:
                assert any(absent == key and version >= floor for absent, version in self.absences)

    @invariant()
    def views_agree(self) -> None:
        shown = {stored.key: stored for stored in self.lister.list()}
        assert len(self.lister) == len(shown)
        assert set(self.lister.keys()) == set(shown)
        for namespace in ("x", "y"):
            expected = {key for key in shown if key.namespace == namespace}
            assert {stored.key for stored in self.lister.list(namespace)} == expected
        for colour in COLOURS:
            expected = {key for key, stored in shown.items() if stored.labels["colour"] == colour}
            assert {stored.key for stored in self.lister.by_index("colour", colour)} == expected
            assert {stored.key for stored in self.lister.list(selector={"colour": colour})} == expected

    @invariant()
    def handlers_know_what_was_watched(self) -> None:
        watched = {stored.key: stored.resource_version for stored in self.store.watched()}
        assert watched == self.handled

    def teardown(self) -> None:
        """In the end, with everything delivered, the store is what the server has, and nothing is laid over it."""
        if not hasattr(self, "store"):
            return
        while self.answers:
            self.answer()
        self.bookmark(60.0)
        shown = {stored.key: stored.manifest() for stored in self.lister.list()}
        assert shown == self.visible_objects()
        assert self.store.pending == 0

    def visible(self, manifest: Manifest) -> bool:
        return not self.selective or manifest["metadata"]["labels"]["colour"] == "red"

    def visible_objects(self) -> dict[ObjectKey, Manifest]:
        return {key: manifest for key, manifest in self.live.items() if self.visible(manifest)}


class OpaqueVersionsMachine(StoreMachine):
    comparable = False


class SelectiveMachine(StoreMachine):
    selective = True


class SelectiveOpaqueMachine(StoreMachine):
    comparable = False
    selective = True


_SETTINGS = settings(max_examples=80, stateful_step_count=40, deadline=None)

TestComparableVersions = StoreMachine.TestCase
TestComparableVersions.settings = _SETTINGS
TestOpaqueVersions = OpaqueVersionsMachine.TestCase
TestOpaqueVersions.settings = _SETTINGS
TestSelectiveWatch = SelectiveMachine.TestCase
TestSelectiveWatch.settings = _SETTINGS
TestSelectiveWatchOpaqueVersions = SelectiveOpaqueMachine.TestCase
TestSelectiveWatchOpaqueVersions.settings = _SETTINGS
