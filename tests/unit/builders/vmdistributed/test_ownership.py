"""Whose a child is and who made it (spec 02 §16)."""

from typing import Any

import pytest

from vmop.builders.vmdistributed import ownership
from vmop.builders.vmdistributed.ownership import DETACHED, ORIGIN, OWNER, ZONE, Origin, Owner

MET = Owner("obs", "met", "u1")
CREATED_AT = "2030-01-01T10:00:00Z"
MARKED = {OWNER: "obs/met/u1", ORIGIN: "created", ZONE: "east"}


def reference(name: str = "met", uid: str = "u1") -> dict[str, Any]:
    return Owner("obs", name, uid).reference()


def child(**metadata: Any) -> dict[str, Any]:
    """A child of the Go operator: our reference, younger than the VMDistributed, no markers."""
    return {"creationTimestamp": "2030-01-01T10:00:05Z", "ownerReferences": [reference()], **metadata}


def managed(manager: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"managedFields": [{"manager": manager, "operation": "Update", "fieldsV1": fields, **more}]}


OURS: dict[str, Any] = {"f:metadata": {"f:ownerReferences": {".": {}, 'k:{"uid":"u1"}': {}}}, "f:spec": {}}
OF_OTHERS: dict[str, Any] = {"f:metadata": {"f:ownerReferences": {".": {}, 'k:{"uid":"u9"}': {}}}, "f:spec": {}}


def test_the_owner_reference_controls_and_blocks() -> None:
    assert reference() == {
        "apiVersion": "operator.victoriametrics.com/v1alpha1",
        "kind": "VMDistributed",
        "name": "met",
        "uid": "u1",
        "controller": True,
        "blockOwnerDeletion": True,
    }


@pytest.mark.parametrize(
    ("metadata", "origin"),
    [
        pytest.param(child(annotations=MARKED), "created", id="recorded"),
        pytest.param(child(annotations=MARKED | {ORIGIN: "referenced"}), "referenced", id="protected by hand"),
        pytest.param(child(annotations=MARKED | {OWNER: "obs/met/u0"}), "referenced", id="restored under new uids"),
        pytest.param(child(annotations=MARKED | {ORIGIN: "made"}), "referenced", id="garbage is recorded"),
        pytest.param(child(), "created", id="made by the Go operator"),
        pytest.param(child(creationTimestamp="2030-01-01T09:59:59Z"), "referenced", id="older"),
        pytest.param(child(ownerReferences=[]), "referenced", id="not ours"),
        pytest.param(child(ownerReferences=[reference(uid="u0")]), "referenced", id="stale reference"),
        *(
            pytest.param(child(annotations={key: "x"}), "referenced", id=key)
            for key in (
                "kubectl.kubernetes.io/last-applied-configuration",
                "meta.helm.sh/release-name",
                "argocd.argoproj.io/tracking-id",
            )
        ),
        *(
            pytest.param(child(labels={key: value}), "referenced", id=key)
            for key, value in (
                ("app.kubernetes.io/managed-by", "Helm"),
                ("kustomize.toolkit.fluxcd.io/name", "x"),
                ("helm.toolkit.fluxcd.io/name", "x"),
            )
        ),
        pytest.param(child(labels={"app.kubernetes.io/managed-by": "vmop"}), "created", id="managed by another"),
        pytest.param(child(**managed("kubectl", {"f:spec": {}})), "referenced", id="a user wrote the spec"),
        pytest.param(child(**managed("kubectl", OF_OTHERS)), "referenced", id="with a reference to somebody else"),
        pytest.param(child(**managed("manager", OURS)), "created", id="the Go operator wrote spec and reference"),
        pytest.param(child(**managed("vmop-distributed", {"f:spec": {}})), "created", id="we wrote the spec"),
        pytest.param(child(**managed("x", {"f:spec": {}}, subresource="scale")), "created", id="scaled"),
        pytest.param(child(**managed("x", {"f:metadata": {}})), "created", id="a user wrote labels"),
    ],
)
def test_who_made_a_child(metadata: dict[str, Any], origin: str) -> None:
    assert ownership.origin_of(metadata, MET, CREATED_AT) is Origin(origin)


@pytest.mark.parametrize(
    ("metadata", "owned"),
    [
        pytest.param(child(annotations=MARKED), True, id="complete"),
        pytest.param(child(annotations=MARKED, ownerReferences=[reference(uid="u0")]), False, id="stale uid"),
        pytest.param(child(annotations=MARKED, ownerReferences=[]), False, id="no reference"),
        pytest.param(child(), False, id="no markers"),
        pytest.param(child(annotations=MARKED | {ORIGIN: ""}), False, id="no origin"),
        pytest.param(child(annotations=MARKED | {ZONE: "west"}), False, id="another zone"),
        pytest.param(child(annotations=MARKED | {DETACHED: CREATED_AT}), False, id="detached"),
    ],
)
def test_what_is_owned_completely(metadata: dict[str, Any], owned: bool) -> None:
    assert ownership.is_owned(metadata, MET, "east") is owned


def test_another_owner_is_named_but_not_ourselves_under_another_uid() -> None:
    assert ownership.other_owner(child(ownerReferences=[reference(uid="u0"), reference("other", "u2")]), MET) == "other"
    assert ownership.other_owner(child(ownerReferences=[reference(uid="u0")]), MET) == ""


def test_a_reference_with_another_uid_still_is_to_us() -> None:
    assert ownership.refers_to(child(ownerReferences=[reference(uid="u0")]), MET)
    assert not ownership.refers_to(child(ownerReferences=[reference("other")]), MET)


@pytest.mark.parametrize(
    ("metadata", "unrecorded"),
    [(child(), True), (child(annotations=MARKED), False), (child(ownerReferences=[reference(uid="u0")]), False)],
)
def test_only_children_without_a_record_are_guessed(metadata: dict[str, Any], unrecorded: bool) -> None:
    assert ownership.is_unrecorded(metadata, MET) is unrecorded
