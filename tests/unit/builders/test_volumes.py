"""Volumes and mounts (01 §4.4, §5.5)."""

import pytest

from vmop.api import Manifest
from vmop.api.v1beta1 import Storage
from vmop.builders import BuildError
from vmop.builders.volumes import (
    check_stateful_set,
    claim_template,
    config_map_mounts,
    config_map_volume,
    config_map_volumes,
    data_volume,
    secret_mounts,
    secret_volumes,
    storage_volume,
    volume_name,
)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("Secret_A.b", "secret-secret-a-b"),
        ("plain", "secret-plain"),
        ("a..b", "secret-a-b"),
        ("x" * 80, "secret-" + "x" * 56),
        ("end.", "secret-end"),
    ],
)
def test_volume_names(name: str, result: str) -> None:
    assert volume_name("secret", name) == result


def test_secrets_and_config_maps_by_name() -> None:
    assert (
        [*secret_volumes(["s.1"]), *config_map_volumes(["c"]), *secret_volumes(None)],
        [*secret_mounts(["s.1"]), *config_map_mounts(["c"])],
    ) == (
        [
            {"name": "secret-s-1", "secret": {"secretName": "s.1"}},
            {"name": "configmap-c", "configMap": {"name": "c"}},
        ],
        [
            {"name": "secret-s-1", "mountPath": "/etc/vm/secrets/s.1", "readOnly": True},
            {"name": "configmap-c", "mountPath": "/etc/vm/configs/c", "readOnly": True},
        ],
    )


def test_an_optional_config_map() -> None:
    assert config_map_volume("a", "b", optional=True) == {"name": "a", "configMap": {"name": "b", "optional": True}}


def test_unset_storage_is_a_directory_unless_the_user_has_a_volume_of_that_name() -> None:
    assert storage_volume(None, "db", [], "spec").volumes == ({"name": "db", "emptyDir": {}},)
    assert storage_volume(None, "db", [{"name": "db"}], "spec").volumes == ()


def test_a_named_claim_template() -> None:
    template = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "own", "labels": {"a": "b"}, "annotations": {}},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        "status": {},
    }
    found = storage_volume(Storage(volume_claim_template=template), "db", [], "spec")
    assert (found.name, found.volumes, found.claims) == (
        "own",
        (),
        (
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "own", "labels": {"a": "b"}},
                "spec": {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]},
            },
        ),
    )


def test_empty_storage_is_a_claim() -> None:
    assert storage_volume(Storage(), "db", [], "spec").claims == (claim_template("db", {}),)


@pytest.mark.parametrize(
    ("storage", "field"), [(Storage(empty_dir={}), "emptyDir"), (Storage(), "volumeClaimTemplate")]
)
def test_storage_and_a_volume_of_its_name_exclude_each_other(storage: Storage, field: str) -> None:
    with pytest.raises(BuildError) as caught:
        storage_volume(storage, "db", [{"name": "db"}], "spec.vmstorage")
    assert (caught.value.path, str(caught.value)) == (
        f"spec.vmstorage.storage.{field}",
        f'either unset storage.{field} or remove volume="db" from spec',
    )


OWN: Manifest = {"name": "data", "mountPath": "/d"}


@pytest.mark.parametrize(
    ("options", "volumes", "mounts"),
    [
        ({}, [{"name": "data", "emptyDir": {}}], [OWN]),
        ({"claim": "c"}, [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}], [OWN]),
        ({"of_stateful_set": True}, [], [OWN]),
        (
            {"volumes": [{"name": "x"}], "mounts": [{"name": "x", "mountPath": "/x"}]},
            [{"name": "data", "emptyDir": {}}, {"name": "x"}],
            [OWN, {"name": "x", "mountPath": "/x"}],
        ),
        (
            {"volumes": [{"name": "data", "hostPath": {}}], "mounts": [{"name": "data", "mountPath": "/"}]},
            [{"name": "data", "hostPath": {}}],
            [{"name": "data", "mountPath": "/"}],
        ),
    ],
)
def test_the_data_volume_comes_first(options: Manifest, volumes: list[Manifest], mounts: list[Manifest]) -> None:
    given: Manifest = {"volumes": None, "mounts": None} | options
    assert data_volume("data", "/d", **given) == (volumes, mounts)


@pytest.mark.parametrize(
    ("volumes", "mounts", "message"),
    [
        (
            [],
            [{"name": "x", "mountPath": "/d/"}],
            'unexpected volume="x" mounted to path="/d/", which is reserved for volume="data", path="/d"',
        ),
        (
            [],
            [{"name": "data", "mountPath": "/other"}],
            'unexpected volume="data" mounted to path="/other", expected path="data"',
        ),
        ([{"name": "data"}], [], 'storage and "data" volume are not allowed to be set together'),
    ],
)
def test_the_data_volumes_place_is_reserved(volumes: list[Manifest], mounts: list[Manifest], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        data_volume("data", "/d", volumes=volumes, mounts=mounts, claim="c")
    assert str(caught.value) == message


def stateful_set(*, volumes: list[str], claims: list[str], **pod: list[Manifest]) -> Manifest:
    return {
        "spec": {
            "template": {"spec": {"volumes": [{"name": name} for name in volumes], **pod}},
            "volumeClaimTemplates": [{"metadata": {"name": name}} for name in claims],
        }
    }


MOUNTING = [{"name": "app", "volumeMounts": [{"name": "m", "mountPath": "/m"}]}]


@pytest.mark.parametrize(
    ("manifest", "path", "message"),
    [
        (stateful_set(volumes=["a", "a"], claims=[]), "spec.volumes", "duplicate Volume.Name=a"),
        (stateful_set(volumes=[], claims=["c", "c"]), "spec.claimTemplates", "duplicate VolumeClaimTemplate.Name=c"),
        (
            stateful_set(volumes=["a"], claims=["c"], containers=MOUNTING),
            "spec.volumeMounts",
            "cannot find volumeMount.name=m link for container=app at volumes and claimTemplates names=a,c,",
        ),
        (
            stateful_set(volumes=[], claims=[], initContainers=MOUNTING),
            "spec.volumeMounts",
            "cannot find volumeMount.name=m link for initContainer=app at volumes and claimTemplates names=",
        ),
    ],
)
def test_stateful_sets_are_checked(manifest: Manifest, path: str, message: str) -> None:
    with pytest.raises(BuildError) as caught:
        check_stateful_set(manifest, "spec")
    assert (caught.value.path, str(caught.value)) == (path, message)


def test_a_claim_template_without_metadata_is_left_to_the_server() -> None:
    manifest = {"spec": {"template": {"spec": {}}, "volumeClaimTemplates": [{}]}}
    assert check_stateful_set(manifest, "spec") is manifest


def test_a_sound_stateful_set_comes_back() -> None:
    manifest = stateful_set(volumes=["a"], claims=["m"], containers=MOUNTING)
    assert check_stateful_set(manifest, "spec") is manifest
