"""The recorded cases of the Go operator, for comparison with what builders make.

They lie beside the checkout of this project, not in it; where they are missing, tests of them are skipped.
"""

import gzip
import importlib.util
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from vmop.api import Manifest
from vmop.builders.references import Reference

PARITY = Path(__file__).parents[4] / "shared" / "parity"
CASES = PARITY / "cases"
NAMESPACE = "parity"
FOREIGN = {"made-by", "note", "foreign"}
"""Metadata of others, which writing leaves alone."""


@cache
def normaliser() -> ModuleType:
    spec = importlib.util.spec_from_file_location("parity_tool", PARITY / "parity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def golden(case: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((CASES / "golden" / f"{case}.yaml").read_text(), yaml.CSafeLoader)
    return loaded


@cache
def excused(case: str) -> dict[str, Any]:
    found: dict[str, Any] = (yaml.safe_load((CASES / "allowed.yaml").read_text()) or {}).get(case, {})
    return found


def standing(case: str) -> Iterator[tuple[str, dict[str, Manifest]]]:
    """Each step of a case, with every manifest as it stands after it by `kind/name`; refused ones are left out."""
    objects: dict[str, Manifest] = {}
    for step in sorted((CASES / case).glob("[0-9]*.yaml")):
        refused = {
            key.removeprefix("rejected ") for key in golden(case).get(step.stem, ()) if key.startswith("rejected ")
        }
        for manifest in filter(None, yaml.load_all(step.read_text(), yaml.CSafeLoader)):
            key = f"{manifest['kind']}/{manifest['metadata']['name']}"
            if key not in refused:
                objects[key] = {**manifest, "metadata": {"namespace": NAMESPACE, **manifest["metadata"]}}
        yield step.stem, dict(objects)


def standing_at(case: str, step: str) -> dict[str, Manifest]:
    """What a case's manifests are after a step; nothing after the deletion of all."""
    return dict(standing(case)).get(step, {})


def resources(kind: str, pattern: str) -> Iterator[tuple[str, str, str, dict[str, Manifest]]]:
    """Case, step, name and all standing manifests, for each resource of a kind in the cases that match.

    Only those that the Go operator brought to their end: of others it leaves objects of an earlier step.
    """
    for folder in sorted(CASES.glob(pattern)) if CASES.is_dir() else ():
        for step, objects in standing(folder.name):
            recorded = golden(folder.name)[step]
            for key in objects:
                if key.startswith(f"{kind}/") and recorded[key]["updateStatus"] == "operational":
                    yield folder.name, step, key.partition("/")[2], objects


def children(kind: str) -> Iterator[tuple[str, str, Manifest]]:
    """Case, step and stored manifest of each resource of a kind that the Go operator made for a VMDistributed."""
    for folder in sorted(CASES.glob("vmdistributed-*")) if CASES.is_dir() else ():
        for step, objects in golden(folder.name).items():
            yield from (
                (folder.name, step, manifest)
                for key, manifest in objects.items()
                if key.startswith(f"{kind}/") and manifest["metadata"].get("ownerReferences")
            )


def contents(objects: Mapping[str, Manifest]) -> dict[Reference, dict[str, bytes]]:
    """What the Secrets and ConfigMaps among manifests hold."""
    found: dict[Reference, dict[str, bytes]] = {}
    for manifest in objects.values():
        name = manifest["metadata"]["name"]
        plain = {key: str(value).encode() for key, value in (manifest.get("stringData") or {}).items()}
        match manifest["kind"]:
            case "Secret":
                coded = {key: b64decode(value) for key, value in (manifest.get("data") or {}).items()}
                found[Reference("secret", NAMESPACE, name)] = coded | plain
            case "ConfigMap":
                data = {key: str(value).encode() for key, value in (manifest.get("data") or {}).items()}
                found[Reference("configmap", NAMESPACE, name)] = data
    return found


def owned_by(kind: str, name: str, objects: Mapping[str, Manifest]) -> dict[str, Manifest]:
    """The recorded objects of a resource, cluster-wide ones included."""

    def is_owned(key: str, manifest: Manifest) -> bool:
        metadata = manifest.get("metadata", {})
        if key.startswith("ClusterRole"):
            labels = metadata.get("labels") or {}
            return (labels.get("app.kubernetes.io/name"), labels.get("app.kubernetes.io/instance")) == (
                kind.lower(),
                name,
            )
        return any((owner["kind"], owner["name"]) == (kind, name) for owner in metadata.get("ownerReferences", []))

    return {key: manifest for key, manifest in objects.items() if is_owned(key, manifest)}


def comparable(recorded: Manifest) -> Manifest:
    """A recorded object without status, nulls, empty fields of custom resources and metadata of others."""
    result: Manifest = {key: value for key, value in json.loads(json.dumps(recorded)).items() if value is not None}
    for key in ("apiVersion", "updateStatus", "reason"):
        result.pop(key, None)
    for metadata in (result["metadata"], result.get("spec", {}).get("template", {}).get("metadata", {})):
        for key in ("labels", "annotations"):
            kept = {k: v for k, v in metadata.pop(key, {}).items() if k not in FOREIGN and "kubectl" not in k}
            metadata.update({key: kept} if kept else {})
    if result["kind"] in ("VMServiceScrape", "VMPodScrape"):
        result["spec"] = normaliser().filled(result["spec"])
    return result


def mine(manifest: Manifest) -> Manifest:
    """A built object, as it would be stored, in the form of the recorded ones."""
    result: Manifest = json.loads(json.dumps(manifest).replace('"0.5Gi"', '"512Mi"'))
    strategy = result["spec"]["updateStrategy"] if result["kind"] == "DaemonSet" else {}
    if strategy.get("type") == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": 0, "maxUnavailable": 1} | strategy.get("rollingUpdate", {})
    return comparable(normaliser().normal(result))


def readable(manifest: Manifest) -> Manifest:
    """A Secret with its values as text, decompressed: compressors differ from machine to machine."""
    if manifest["kind"] != "Secret":
        return manifest
    raw = {key: b64decode(value) for key, value in manifest["data"].items()}
    text = {key: (gzip.decompress(value) if key.endswith(".gz") else value).decode() for key, value in raw.items()}
    return {**manifest, "data": text}
