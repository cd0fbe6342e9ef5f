"""EndpointSlices: which addresses stand behind a Service."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from vmop.devcluster.workloads.objects import controller_of, is_kind, is_ready, is_terminal
from vmop.devcluster.workloads.writer import Writer, merge_difference
from vmop.informers import Informer, StoredObject
from vmop.kube import Manifest, NotFound, ObjectKey
from vmop.kube.resources import ENDPOINT_SLICE, SERVICE
from vmop.runtime import Result

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"

Ports = tuple[tuple[str, int, str, str | None], ...]


class EndpointSlices:
    """Reconciles Services into slices: one for each set of ports that their names lead to."""

    def __init__(self, writer: Writer, services: Informer, pods: Informer, slices: Informer) -> None:
        self._writer = writer
        self._services = services
        self._pods = pods
        self._slices = slices

    def services_of(self, pod: StoredObject) -> Iterable[ObjectKey]:
        """The Services that select a pod."""
        for service in self._services.lister.list(pod.namespace):
            selector = service.get("spec").get("selector")
            if selector and all(pod.label(name) == value for name, value in selector.items()):
                yield service.key

    async def reconcile(self, key: ObjectKey) -> Result:
        service = self._services.lister.get(key)
        if service is None or service.deletion_timestamp is not None:
            return Result()
        spec = service.get("spec")
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            return Result()
        wanted = self._wanted(service)
        for live in self._owned(service):
            ports = _ports_key(live.get("ports") or ())
            if ports in wanted:
                await self._update(service, live, wanted.pop(ports))
            else:
                await self._writer.delete(ENDPOINT_SLICE, live)
        for ports, endpoints in wanted.items():
            await self._writer.create(ENDPOINT_SLICE, _slice(service, ports, endpoints, self._writer.stamp()))
        return Result()

    def _owned(self, service: StoredObject) -> list[StoredObject]:
        found = self._slices.lister.list(service.namespace, {SERVICE_NAME: service.name, MANAGED_BY: CONTROLLER})
        mine = []
        for one in sorted(found, key=lambda one: one.name):
            reference = controller_of(one)
            if reference and is_kind(reference, SERVICE) and reference["uid"] == service.uid:
                mine.append(one)
        return mine

    def _wanted(self, service: StoredObject) -> dict[Ports, list[Manifest]]:
        spec = service.get("spec")
        wanted: dict[Ports, list[Manifest]] = {}
        for pod in sorted(self._pods.lister.list(service.namespace, spec["selector"]), key=lambda pod: pod.name):
            if is_terminal(pod) or not (pod.get("status") or {}).get("podIP"):
                continue
            wanted.setdefault(_ports_of(spec, pod), []).append(_endpoint(service, pod))
        # Without any pod there is one slice without endpoints and ports.
        return wanted or {(): []}

    async def _update(self, service: StoredObject, live: StoredObject, endpoints: list[Manifest]) -> None:
        manifest = _slice(service, _ports_key(live.get("ports") or ()), endpoints, self._writer.stamp())
        live_endpoints = live.get("endpoints") or []
        body: Manifest = {}
        if live_endpoints != endpoints:
            body["endpoints"] = endpoints
            body["metadata"] = {"annotations": manifest["metadata"]["annotations"]}
        if labels := merge_difference(live.labels, manifest["metadata"]["labels"]):
            body.setdefault("metadata", {})["labels"] = labels
        if body:
            with contextlib.suppress(NotFound):
                await self._writer.patch(ENDPOINT_SLICE, live.key, body)


def _ports_key(ports: Iterable[Mapping[str, Any]]) -> Ports:
    return tuple(
        (port.get("name") or "", port["port"], port.get("protocol") or "TCP", port.get("appProtocol")) for port in ports
    )


def _ports_of(spec: Mapping[str, Any], pod: StoredObject) -> Ports:
    found = []
    for port in spec.get("ports") or ():
        target = port.get("targetPort", port["port"])
        protocol = port.get("protocol") or "TCP"
        number = target if isinstance(target, int) else _named_port(pod, target, protocol)
        if number is not None:
            found.append((port.get("name") or "", number, protocol, port.get("appProtocol")))
    return tuple(found)


def _named_port(pod: StoredObject, name: str, protocol: str) -> int | None:
    for container in pod.get("spec").get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == name and (port.get("protocol") or "TCP") == protocol:
                return int(port["containerPort"])
    return None


def _endpoint(service: StoredObject, pod: StoredObject) -> Manifest:
    spec, status = pod.get("spec"), pod.get("status")
    serving = is_ready(pod)
    terminating = pod.deletion_timestamp is not None
    always = bool(service.get("spec").get("publishNotReadyAddresses"))
    endpoint: Manifest = {
        "addresses": [status["podIP"]],
        "conditions": {
            "ready": always or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
    }
    if node := spec.get("nodeName"):
        endpoint["nodeName"] = node
    if spec.get("hostname") and spec.get("subdomain") == service.name:
        endpoint["hostname"] = spec["hostname"]
    return endpoint


def _slice(service: StoredObject, ports: Ports, endpoints: list[Manifest], stamp: str) -> Manifest:
    headless = service.get("spec").get("clusterIP") == "None"
    labels = {**service.labels, SERVICE_NAME: service.name, MANAGED_BY: CONTROLLER}
    labels |= {HEADLESS: ""} if headless else {}
    reference = {
        "apiVersion": "v1",
        "kind": "Service",
        "name": service.name,
        "uid": service.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{service.name}-",
            "namespace": service.namespace,
            "labels": labels,
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": stamp},
            "ownerReferences": [reference],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [
            {"name": name, "port": number, "protocol": protocol, **({"appProtocol": app} if app else {})}
            for name, number, protocol, app in ports
        ]
        or None,
    }
