"""Which groups, versions and kinds a server has.

Servers since 1.27 tell all in two answers (aggregated discovery); older ones, and simple ones, need one for each
group and version. A group whose own server is down is left out and named in :attr:`Discovery.failed`: absence is then
not known.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from vmop.kube import requests
from vmop.kube.errors import ApiError
from vmop.kube.resources import Resource
from vmop.kube.wire import decode

if TYPE_CHECKING:
    from vmop.kube.client import Client

_AGGREGATED = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)


@attrs.frozen
class Discovery:
    """What a server served when it was asked. ``failed``: group versions that did not answer."""

    resources: Mapping[tuple[str, str], Resource] = attrs.field(repr=False)
    group_versions: frozenset[str]
    failed: frozenset[str] = frozenset()

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """The resource for what a manifest calls itself, or ``None`` when the server has no such kind."""
        return self.resources.get((api_version, kind))

    def has_group_version(self, api_version: str) -> bool:
        """Whether the server has that group in that version, for example ``security.openshift.io/v1``."""
        return api_version in self.group_versions


async def discover(client: "Client") -> Discovery:
    """Ask ``client``'s server for all it has."""
    found: list[Resource] = []
    versions: set[str] = set()
    failed: set[str] = set()
    for path in ("/api", "/apis"):
        answer = decode((await client.send(requests.raw(path, accept=f"{_AGGREGATED},application/json"))).body)
        if answer.get("kind") == "APIGroupDiscoveryList":
            for api_version, stale, resources in _aggregated(answer):
                (failed if stale else versions).add(api_version)
                found += resources
            continue
        for api_version in _legacy_versions(answer):
            try:
                document = decode(await client.get_raw(_root(api_version)))
            except ApiError:
                failed.add(api_version)
                continue
            versions.add(api_version)
            found += _legacy(api_version, document)
    by_kind = {(resource.api_version, resource.kind): resource for resource in found}
    return Discovery(by_kind, frozenset(versions), frozenset(failed))


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _aggregated(answer: Any) -> Iterator[tuple[str, bool, list[Resource]]]:
    for item in answer.get("items") or ():
        group = (item.get("metadata") or {}).get("name") or ""
        for entry in item.get("versions") or ():
            version = entry["version"]
            resources = [
                Resource(
                    group,
                    version,
                    one["responseKind"]["kind"],
                    one["resource"],
                    namespaced=one["scope"] == "Namespaced",
                )
                for one in entry.get("resources") or ()
                if (one.get("responseKind") or {}).get("kind")
            ]
            yield f"{group}/{version}" if group else version, entry.get("freshness") == "Stale", resources


def _legacy_versions(answer: Any) -> Iterable[str]:
    if answer.get("kind") == "APIVersions":
        return list(answer.get("versions") or ())
    return [version["groupVersion"] for group in answer.get("groups") or () for version in group.get("versions") or ()]


def _legacy(api_version: str, document: Any) -> Iterator[Resource]:
    group, _, version = api_version.rpartition("/")
    for one in document.get("resources") or ():
        if "/" not in one["name"]:
            yield Resource(group, version, one["kind"], one["name"], namespaced=bool(one.get("namespaced")))
