"""Volumes, mounts and claim templates (01 §4.4, §5.5)."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import attrs

from vmop.api.v1beta1 import Storage
from vmop.builders.base import BuildError, Manifest, present

SECRETS_DIR = "/etc/vm/secrets"
CONFIGS_DIR = "/etc/vm/configs"
_NAME_LIMIT = 63


def volume_name(prefix: str, name: str) -> str:
    """A volume name of any object's name: lower case, other characters made `-`, at most 63 long."""
    text = re.sub(r"[^-a-z0-9]+", "-", f"{prefix}-{name}".lower())
    return text[:_NAME_LIMIT].strip("-")


def secret_volume(name: str, secret: str) -> Manifest:
    return {"name": name, "secret": {"secretName": secret}}


def config_map_volume(name: str, config_map: str, *, optional: bool = False) -> Manifest:
    return {"name": name, "configMap": {"name": config_map, **({"optional": True} if optional else {})}}


def empty_dir_volume(name: str, empty_dir: Manifest | None = None) -> Manifest:
    return {"name": name, "emptyDir": dict(empty_dir or {})}


def mount(name: str, path: str, *, read_only: bool = False) -> Manifest:
    return {"name": name, "mountPath": path, **({"readOnly": True} if read_only else {})}


def secret_volumes(names: Sequence[str] | None) -> list[Manifest]:
    """The volumes of `spec.secrets`; `secret_mounts` mounts them, each in a directory of its name."""
    return [secret_volume(volume_name("secret", name), name) for name in names or ()]


def config_map_volumes(names: Sequence[str] | None) -> list[Manifest]:
    """The volumes of `spec.configMaps`; `config_map_mounts` mounts them, each in a directory of its name."""
    return [config_map_volume(volume_name("configmap", name), name) for name in names or ()]


def secret_mounts(names: Sequence[str] | None) -> list[Manifest]:
    return [mount(volume_name("secret", name), f"{SECRETS_DIR}/{name}", read_only=True) for name in names or ()]


def config_map_mounts(names: Sequence[str] | None) -> list[Manifest]:
    return [mount(volume_name("configmap", name), f"{CONFIGS_DIR}/{name}", read_only=True) for name in names or ()]


@attrs.frozen
class StorageVolume:
    """Where a StatefulSet keeps its data: a pod volume to append, or a claim template, or a volume of the user's."""

    name: str
    volumes: tuple[Manifest, ...] = ()
    claims: tuple[Manifest, ...] = ()


def storage_volume(storage: Storage | None, default_name: str, user: Iterable[Manifest], path: str) -> StorageVolume:
    """The volume for `storage`; a name in its claim template replaces `default_name`.

    `path` is the component's path in the spec. Raises `BuildError` where the user has a volume of that name too.
    """
    template = (storage.volume_claim_template if storage else None) or {}
    name = (template.get("metadata") or {}).get("name") or default_name
    taken = any(volume.get("name") == name for volume in user)
    if storage is None:
        return StorageVolume(name, () if taken else (empty_dir_volume(name),))
    chosen = "emptyDir" if storage.empty_dir is not None else "volumeClaimTemplate"
    if taken:
        raise BuildError(
            f"{path}.storage.{chosen}", f'either unset storage.{chosen} or remove volume="{name}" from spec'
        )
    if storage.empty_dir is not None:
        return StorageVolume(name, (empty_dir_volume(name, storage.empty_dir),))
    return StorageVolume(name, claims=(claim_template(name, template),))


def claim_template(name: str, template: Manifest) -> Manifest:
    """A claim template of a StatefulSet: the user's, with a name and an access mode."""
    metadata = template.get("metadata") or {}
    spec = template.get("spec") or {}
    return present(
        {
            "apiVersion": template.get("apiVersion") or None,
            "kind": template.get("kind") or None,
            "metadata": {
                "name": name,
                **{key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)},
            },
            "spec": {**spec, "accessModes": spec.get("accessModes") or ["ReadWriteOnce"]},
            "status": template.get("status") or None,
        }
    )


def data_volume(
    name: str,
    path: str,
    *,
    volumes: Sequence[Manifest] | None,
    mounts: Sequence[Manifest] | None,
    claim: str | None = None,
    of_stateful_set: bool = False,
    spec_path: str = "spec",
) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes and mounts with the data directory `path` on the volume `name` (01 §5.5, data volume rule).

    `claim` names the claim that the volume is made of; a StatefulSet makes its own. Raises `BuildError` where another
    volume covers the path.
    """
    result_mounts = list(mounts or ())
    if not _is_mounted(name, path, result_mounts, spec_path):
        result_mounts.insert(0, mount(name, path))
    result_volumes = list(volumes or ())
    if any(volume.get("name") == name for volume in result_volumes):
        if claim is not None:
            message = f'storage and "{name}" volume are not allowed to be set together'
            raise BuildError(f"{spec_path}.volumes", message)
    elif not of_stateful_set:
        source = {"persistentVolumeClaim": {"claimName": claim}} if claim is not None else {"emptyDir": {}}
        result_volumes.insert(0, {"name": name, **source})
    return result_volumes, result_mounts


def _is_mounted(name: str, path: str, mounts: Iterable[Manifest], spec_path: str) -> bool:
    """Whether a mount of the user's covers the data path; it must then be of the data volume, and of no other place."""
    wanted = PurePosixPath(path)
    for entry in mounts:
        where = PurePosixPath(entry.get("mountPath", ""))
        covers = where == wanted or where in wanted.parents
        if covers and entry.get("name") == name:
            return True
        if covers:
            message = f'unexpected volume="{entry.get("name")}" mounted to path="{entry.get("mountPath")}"'
            reserved = f'which is reserved for volume="{name}", path="{path}"'
            raise BuildError(f"{spec_path}.volumeMounts", f"{message}, {reserved}")
        if entry.get("name") == name:
            message = f'unexpected volume="{name}" mounted to path="{entry.get("mountPath")}"'
            raise BuildError(f"{spec_path}.volumeMounts", f'{message}, expected path="{name}"')
    return False


def check_stateful_set(manifest: Manifest, path: str) -> Manifest:
    """The StatefulSet itself. Raises `BuildError` for names that are there twice or mounts without a volume."""
    pod = manifest["spec"]["template"]["spec"]
    volumes = [volume.get("name", "") for volume in pod.get("volumes") or ()]
    claims = [
        (claim.get("metadata") or {}).get("name", "") for claim in manifest["spec"].get("volumeClaimTemplates") or ()
    ]
    for names, kind, field in ((volumes, "Volume", "volumes"), (claims, "VolumeClaimTemplate", "claimTemplates")):
        for index, name in enumerate(names):
            if name in names[:index]:
                raise BuildError(f"{path}.{field}", f"duplicate {kind}.Name={name}")
    known = [*volumes, *claims]
    for field, label in (("containers", "container"), ("initContainers", "initContainer")):
        for container in pod.get(field) or ():
            for entry in container.get("volumeMounts") or ():
                if entry.get("name") not in known:
                    listed = "".join(f"{name}," for name in known)
                    link = f"link for {label}={container.get('name')} at volumes and claimTemplates names={listed}"
                    raise BuildError(f"{path}.volumeMounts", f"cannot find volumeMount.name={entry.get('name')} {link}")
    return manifest
