"""Where agents write to reach a zone's backend (spec 02 §6.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vmop.api import CustomResource, Manifest, parse_spec
from vmop.api.v1beta1 import VMCluster, VMClusterSpec, VMSingle, VMSingleSpec
from vmop.builders.urls import app_url, prefixed_url
from vmop.builders.vmcluster import part_url
from vmop.builders.vmsingle import single_name

CLUSTER_PATH = "/insert/multitenant/prometheus/api/v1/write"
SINGLE_PATH = "/api/v1/write"


def remote_write_url(cls: type[CustomResource], name: str, namespace: str, spec: Manifest) -> str:
    """The URL for agents of a backend with this spec; empty for a VMCluster without vminsert."""
    return _URLS[cls.kind](name, namespace, spec)


def _cluster_url(name: str, namespace: str, spec: Manifest) -> str:
    cluster = VMCluster.make({"namespace": namespace, "name": name}, parse_spec(VMClusterSpec, spec), {})
    insert = cluster.spec.vminsert
    return prefixed_url(part_url(cluster, "vminsert"), insert.extra_args, CLUSTER_PATH) if insert is not None else ""


def _single_url(name: str, namespace: str, spec: Manifest) -> str:
    single: VMSingleSpec = parse_spec(VMSingleSpec, spec)
    service = single_name(name, legacy=single.use_legacy_naming)
    base = app_url(single, single.service_spec, name=service, namespace=namespace, fallback_port="8429")
    return prefixed_url(base, single.extra_args, SINGLE_PATH)


_URLS: Mapping[str, Callable[[str, str, Manifest], str]] = {VMCluster.kind: _cluster_url, VMSingle.kind: _single_url}
