"""The checker itself: a rollout by the rules passes, and each way to break a rule is found and named."""

from __future__ import annotations

import pytest

from tests.support.mirror import ZONE_STATE
from tests.unit.support.story import NAMESPACE, USER, Story, balancer, child, distributed, endpoints, owned, pod
from vmop.kube import Manifest, ObjectKey

EAST_AND_WEST = ("east", "west")
AGENT_OF_EAST = ObjectKey(NAMESPACE, "vmagent-met-east")
URL_OF_EAST = "http://vminsert-met-east.obs.svc:8480/insert/multitenant/prometheus/api/v1/write"


@pytest.fixture
def story() -> Story:
    return Story.steady(*EAST_AND_WEST)


def take_out(story: Story) -> None:
    """East is marked, and has no traffic any more."""
    story.mark("east")
    story.target(["west"], ["west"])
    story.run(["west"], ["west"])


def update(story: Story) -> None:
    """East gets another image, and is ready with it."""
    story.update("VMCluster", "east")
    story.status("VMCluster", "met-east", "expanding")
    story.roll("vmselect", "east")
    story.status("VMCluster", "met-east")
    story.update("VMAgent", "east")
    story.roll("vmagent", "east")
    story.status("VMAgent", "met-east")


def put_back(story: Story) -> None:
    story.target(EAST_AND_WEST, EAST_AND_WEST)
    story.run(EAST_AND_WEST, EAST_AND_WEST)
    story.mark("east", on=False)


def finish(story: Story) -> None:
    story.status("VMDistributed", "met", rollout={"completionTime": "now"})


def test_an_update_by_the_rules_breaks_none(story: Story) -> None:
    take_out(story)
    update(story)
    put_back(story)
    finish(story)
    assert story.violations == []
    assert story.checker.turns == ["east"]


def test_i1_two_marked_zones(story: Story) -> None:
    take_out(story)
    story.run([], ["west"])
    story.checker.violations.clear()
    story.mark("west")
    assert ("I1", "VMCluster obs/met-west", "zones east, west are marked") in story.violations


def test_i1_says_nothing_of_a_zone_in_maintenance(story: Story) -> None:
    take_out(story)
    story.put(distributed(EAST_AND_WEST, modes={"east": "maintenance"}), by=USER)
    story.mark("west")
    assert [one for one in story.violations if one[0] == "I1"] == []


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("VMCluster", {"status": "expanding"}, "VMCluster of west is expanding"),
        ("VMAgent", {"status": "failed"}, "VMAgent of west is failed"),
        ("VMAgent", {"observedGeneration": 0}, "VMAgent of west has a spec that its controller has not seen"),
    ],
)
def test_i2_a_zone_taken_out_while_another_is_not_ready(
    story: Story, kind: str, status: dict[str, str], reason: str
) -> None:
    story.status(kind, "met-west", **status)
    story.mark("east")
    expected = f"zone east is taken out of service while {reason}"
    assert story.violations == [("I2", "VMCluster obs/met-east", expected)]


def test_i2_a_zone_taken_out_while_nobody_answers_for_the_agent_of_another(story: Story) -> None:
    story.put(endpoints("vmagent-met-west", ready=False), by="endpointslice-controller")
    story.mark("east")
    expected = "zone east is taken out of service while agent of west has no ready endpoint"
    assert story.violations == [("I2", "VMCluster obs/met-east", expected)]


def test_i2_says_nothing_of_a_held_zone(story: Story) -> None:
    story.status("VMCluster", "met-west", conditions=[{"type": "UpdateHeld", "status": "True"}])
    story.mark("east")
    assert story.violations == []


def test_i6_a_zone_without_traffic_is_repaired_though_another_is_not_ready(story: Story) -> None:
    story.target(["west"], ["west"])
    story.run(["west"], ["west"])
    story.checker.violations.clear()
    story.status("VMCluster", "met-west", "expanding")
    story.mark("east")
    assert [one for one in story.violations if one[0] == "I2"] == []


@pytest.mark.parametrize("kind", ["VMCluster", "VMAgent"])
def test_i3_a_disruptive_write_without_the_marker(story: Story, kind: str) -> None:
    story.update(kind, "east")
    expected = "its spec is changed while zone east is not marked"
    assert story.violations == [("I3", f"{kind} obs/met-east", expected)]


def test_i3_says_nothing_of_a_write_that_restarts_nothing(story: Story) -> None:
    story.edit("VMCluster", "met-east", lambda manifest: manifest["spec"].update(retentionPeriod="2"))
    assert story.violations == []


def test_i3_a_new_backend_without_the_marker(story: Story) -> None:
    story.put(distributed((*EAST_AND_WEST, "north")), by=USER)
    story.put(child("VMCluster", "north"))
    assert story.violations == [("I3", "VMCluster obs/met-north", "it is made while zone north is not marked")]


def test_i3_says_nothing_of_a_users_edit(story: Story) -> None:
    story.update("VMCluster", "east", by=USER)
    assert story.violations == []


def test_i3_knows_the_operators_write_though_it_takes_fields_from_the_user(story: Story) -> None:
    story.update("VMCluster", "east", by=USER)

    def revert(manifest: Manifest) -> None:
        manifest["spec"]["image"] = "old"
        for entry in manifest["metadata"]["managedFields"]:
            if entry["manager"] == USER:
                entry["fieldsV1"] = {}

    story.edit("VMCluster", "met-east", revert)
    expected = "its spec is changed while zone east is not marked"
    assert story.violations == [("I3", "VMCluster obs/met-east", expected)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"status": "expanding"}, "VMCluster of east is expanding"),
        (
            {"conditions": [{"type": "UpdateHeld", "status": "True"}]},
            "VMCluster of east has an update held back",
        ),
    ],
)
def test_i4_the_marker_goes_before_the_zone_is_ready(story: Story, status: dict[str, str], reason: str) -> None:
    take_out(story)
    update(story)
    story.target(EAST_AND_WEST, EAST_AND_WEST)
    story.run(EAST_AND_WEST, EAST_AND_WEST)
    story.status("VMCluster", "met-east", **status)
    story.mark("east", on=False)
    assert story.violations == [("I4", "VMCluster obs/met-east", f"the marker of east goes while {reason}")]


def test_i4_the_marker_goes_before_queues_are_empty(story: Story) -> None:
    take_out(story)
    update(story)
    story.queues[ObjectKey(NAMESPACE, "vmagent-met-west")] = {URL_OF_EAST: 4096.0}
    put_back(story)
    expected = "the marker of east goes while 4096 bytes wait for it"
    assert story.violations == [("I4", "VMCluster obs/met-east", expected)]


def test_i4_the_marker_goes_before_vmauth_has_reloaded(story: Story) -> None:
    take_out(story)
    update(story)
    story.target(EAST_AND_WEST, EAST_AND_WEST)
    story.run(EAST_AND_WEST, ["west"])
    story.mark("east", on=False)
    expected = "the marker of east goes while obs/vmauth-met has it in no write target"
    assert story.violations == [("I4", "VMCluster obs/met-east", expected)]


def test_i5_a_zone_left_out_that_nobody_updates(story: Story) -> None:
    story.target(["west"], ["east", "west"])
    expected = "zone east is no read target any more, though nobody updates it"
    assert story.violations == [("I5", "VMAuth obs/met", expected)]


def test_i5_a_target_that_its_mode_forbids(story: Story) -> None:
    story.put(distributed(EAST_AND_WEST, modes={"east": "write-only"}), by=USER)
    story.target(["east"], EAST_AND_WEST)
    assert ("I5", "VMAuth obs/met", "zone east is a read target, which it may not be") in story.violations


def test_i5_a_target_that_nobody_has_adopted(story: Story) -> None:
    story.put(distributed((*EAST_AND_WEST, "north")), by=USER)
    foreign = child("VMCluster", "north") | {"metadata": {"name": "met-north", "namespace": NAMESPACE}}
    story.put(foreign, by=USER)
    story.target((*EAST_AND_WEST, "north"), EAST_AND_WEST)
    assert story.violations == [("I5", "VMAuth obs/met", "zone north is a read target, which it may not be")]


def test_i5_a_marked_zone_back_among_the_targets_too_early(story: Story) -> None:
    take_out(story)
    story.update("VMCluster", "east")
    story.target(EAST_AND_WEST, ["west"])
    reason = "VMCluster of east has a spec that its controller has not seen"
    expected = f"zone east is a read target again while {reason}"
    assert story.violations == [("I5", "VMAuth obs/met", expected)]


def test_i5_the_last_target_may_stay() -> None:
    story = Story.steady("east")
    story.mark("east")
    story.update("VMCluster", "east")
    story.put(balancer(["east"], ["east"]))
    story.roll("vmselect", "east")
    assert story.violations == []


def test_i7_a_zone_that_comes_back_before_it_is_ready(story: Story) -> None:
    story.put(distributed(EAST_AND_WEST, modes={"east": "write-only"}), by=USER)
    story.target(["west"], EAST_AND_WEST)
    story.run(["west"], EAST_AND_WEST)
    story.put(distributed(EAST_AND_WEST), by=USER)
    story.status("VMAgent", "met-east", "expanding")
    story.target(EAST_AND_WEST, EAST_AND_WEST)
    expected = "zone east becomes a read target while VMAgent of east is expanding"
    assert story.violations == [("I7", "VMAuth obs/met", expected)]


def test_i7_a_zone_that_comes_back_before_its_queues_are_empty(story: Story) -> None:
    story.put(distributed(EAST_AND_WEST, modes={"east": "write-only"}), by=USER)
    story.target(["west"], EAST_AND_WEST)
    story.run(["west"], EAST_AND_WEST)
    story.put(distributed(EAST_AND_WEST), by=USER)
    story.queues[AGENT_OF_EAST] = {URL_OF_EAST: 4096.0}
    story.target(EAST_AND_WEST, EAST_AND_WEST)
    expected = "zone east becomes a read target while 4096 bytes wait for it"
    assert story.violations == [("I7", "VMAuth obs/met", expected)]


def test_i8_another_pod_template_without_the_marker(story: Story) -> None:
    story.target(["west"], ["west"])
    story.run(["west"], ["west"])
    story.checker.violations.clear()
    story.roll("vmselect", "east")
    expected = "it gets another pod template while zone east is not marked"
    assert story.violations == [("I8", "Deployment obs/vmselect-met-east", expected)]


def test_i8_a_workload_deleted_without_the_marker(story: Story) -> None:
    story.delete("Deployment", "vmselect-met-east")
    expected = "it is deleted while zone east is not marked"
    assert story.violations == [("I8", "Deployment obs/vmselect-met-east", expected)]


def test_i8_says_nothing_of_what_a_users_edit_brings(story: Story) -> None:
    story.update("VMCluster", "east", by=USER)
    story.roll("vmselect", "east")
    assert story.violations == []


def test_i8_a_users_edit_allows_nothing_once_it_is_applied(story: Story) -> None:
    story.update("VMCluster", "east", by=USER)
    story.roll("vmselect", "east")
    story.status("VMCluster", "met-east")
    story.edit("Deployment", "vmselect-met-east", lambda one: one["spec"]["template"]["spec"].update(image="newer"))
    expected = "it gets another pod template while zone east is not marked"
    assert story.violations == [("I8", "Deployment obs/vmselect-met-east", expected)]


def test_i8_says_nothing_of_a_workload_of_somebody_else(story: Story) -> None:
    foreign = child("VMCluster", "else") | {"metadata": {"name": "met-else", "namespace": NAMESPACE}}
    story.put(foreign, by=USER)
    story.edit(
        "Deployment", "vmselect-met-east", lambda one: one["metadata"]["ownerReferences"][0].update(name="met-else")
    )
    story.roll("vmselect", "east")
    assert [one for one in story.violations if one[0] == "I8"] == []


def test_pods_go_down_while_their_zone_has_traffic(story: Story) -> None:
    story.mark("east")
    story.target(["west"], ["west"])
    # vmauth has not reloaded
    story.roll("vmagent", "east")
    assert story.violations == [("pods", "Pod obs/vmagent-met-east", "it goes down while zone east has traffic")]


def test_pods_are_asked_to_end_while_their_zone_has_traffic(story: Story) -> None:
    story.edit("Pod", "vmselect-met-east", lambda one: one["metadata"].update(deletionTimestamp="now"), by="kubelet")
    assert story.violations == [("pods", "Pod obs/vmselect-met-east", "it goes down while zone east has traffic")]


@pytest.mark.parametrize(("app", "ref"), [("vmselect", "read"), ("vmagent", "write")])
def test_routes_lead_to_no_ready_pod(story: Story, app: str, ref: str) -> None:
    take_out(story)
    story.put(pod(app, "met-west", ready=False), by="kubelet")
    expected = f"obs/vmauth-met has no {ref} target with a ready pod"
    assert story.violations == [("routes", "VMDistributed obs/met", expected)]


def test_routes_are_looked_at_when_only_time_has_passed(story: Story) -> None:
    take_out(story)
    story.run(["west"], [])
    expected = "obs/vmauth-met has no write target with a ready pod"
    assert story.violations == [("routes", "VMDistributed obs/met", expected)]


def test_routes_of_a_single_zone_are_not_asked_for() -> None:
    story = Story.steady("east")
    story.run([], [])
    assert story.violations == []


def test_a_vmauth_that_lets_nobody_in_has_the_stored_targets(story: Story) -> None:
    story.configs[ObjectKey(NAMESPACE, "vmauth-met")] = b"# tls-assets-hash: 0\n{}\n"
    story.roll("vmagent", "east")
    assert ("pods", "Pod obs/vmagent-met-east", "it goes down while zone east has traffic") in story.violations


def test_rest_with_a_marked_zone(story: Story) -> None:
    take_out(story)
    story.target(EAST_AND_WEST, EAST_AND_WEST)
    story.run(EAST_AND_WEST, EAST_AND_WEST)
    finish(story)
    assert story.violations == [("rest", "VMDistributed obs/met", "it is through while zone east is marked")]


def test_rest_with_a_zone_left_out(story: Story) -> None:
    take_out(story)
    story.mark("east", on=False)
    story.checker.violations.clear()
    finish(story)
    assert story.violations == [
        ("rest", "VMDistributed obs/met", f"it is through while {where} has as {ref} targets: west")
        for where in ("the VMAuth", "obs/vmauth-met")
        for ref in ("read", "write")
    ]


def test_zones_are_found_under_the_names_that_they_are_given(story: Story) -> None:
    named = distributed(["east"])
    named["spec"]["zoneCommon"] = {"vmcluster": {"name": "db-%ZONE%"}}
    story.put(named, by=USER)
    story.put(child("VMCluster", "east") | {"metadata": owned("db-east", {ZONE_STATE: "updating"})})
    assert story.checker.turns == ["east"]
