"""Objects for these tests."""

from typing import Any

from vmop.kube import Manifest, WireObject, decode_object
from vmop.kube.resources import CONFIG_MAP
from vmop.kube.wire import encode


def uid(number: int) -> str:
    return f"11111111-2222-4333-8444-{number:012d}"


def config_map(
    name: str = "a",
    *,
    namespace: str = "obs",
    version: str = "1",
    number: int = 1,
    labels: dict[str, str] | None = None,
    data: dict[str, str] | None = None,
    **metadata: Any,
) -> Manifest:
    """A ConfigMap as the server gives it; ``number`` makes its uid."""
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid(number),
            "resourceVersion": version,
            **({"labels": labels} if labels else {}),
            **metadata,
        },
    }
    if data is not None:
        manifest["data"] = data
    return manifest


def wire(manifest: Manifest) -> WireObject:
    return decode_object(encode(manifest), CONFIG_MAP)
