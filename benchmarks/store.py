"""What the store costs: memory an object, speed from watch bytes to store, and what foreign objects in the
cluster cost.

Everything is measured through the parts that run in production: line splitting, decoding, the reflector, the
store with an index, metrics and one handler. Only the socket is missing.
"""

import asyncio
import contextlib
import gc
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from random import Random

import attrs
from prometheus_client import CollectorRegistry

from vmop.informers import Handler, Informer, InformerMetrics, StoredObject, identity_unless
from vmop.informers.informer import InformerOptions
from vmop.informers.source import Selection
from vmop.kube import Manifest, Resource, WatchEvent, WirePage
from vmop.kube.resources import SECRET, VM_SERVICE_SCRAPE
from vmop.kube.wire import LineSplitter, ObjectDecoder, encode

_CHUNK = 1 << 16


@attrs.frozen
class StoreFigures:
    """Figures for ``objects`` objects of ``object_bytes`` each. Memory in bytes, as :mod:`tracemalloc` counts it."""

    objects: int
    object_bytes: int
    bytes_per_object: float
    objects_per_second: float
    """By the time of one core, so that other processes on the machine do not count."""


@attrs.frozen
class ForeignFigures:
    """What ``secrets`` secrets cost to which nothing refers; foreign pods are not selected, and never come."""

    secrets: int
    bytes_total: int


def store_figures(objects: int) -> StoreFigures:
    """Speed and memory of taking in ``objects`` scrape objects of 2 kB, with managedFields, as the server
    sends them.
    """

    def lines() -> Iterator[bytes]:
        return (_event(_scrape_object(number)) for number in range(objects))

    sample = [len(encode(_scrape_object(number))) for number in range(min(objects, 1000))]
    chunks = list(_chunks(lines()))
    seconds = min(_follow(VM_SERVICE_SCRAPE, chunks).seconds for _ in range(3))
    del chunks
    memory = _memory(lambda: _follow(VM_SERVICE_SCRAPE, _chunks(lines())))
    return StoreFigures(objects, round(sum(sample) / len(sample)), memory / objects, objects / seconds)


def foreign_figures(secrets: int = 50_000) -> ForeignFigures:
    """Memory of an informer that sees only metadata, and keeps only the identity of what nothing refers to."""

    def lines() -> Iterator[bytes]:
        return (_event(_foreign_secret(number)) for number in range(secrets))

    return ForeignFigures(secrets, _memory(lambda: _follow(SECRET, _chunks(lines()), foreign=True)))


@attrs.frozen
class _Followed:
    seconds: float
    informer: Informer


def _follow(resource: Resource, chunks: Iterable[bytes], *, foreign: bool = False) -> _Followed:
    return asyncio.run(_run(resource, chunks, foreign=foreign))


async def _run(resource: Resource, chunks: Iterable[bytes], *, foreign: bool) -> _Followed:
    informer = Informer(
        Selection(resource, metadata_only=foreign),
        {"": _Source(ObjectDecoder(resource, metadata_only=foreign), chunks)},
        InformerOptions(random=Random(1), metrics=InformerMetrics(CollectorRegistry())),
        keep=identity_unless(frozenset()) if foreign else None,
    )
    if not foreign:
        informer.add_index("application", _application)
    informer.add_handler(Handler())
    started = time.process_time()
    running = asyncio.create_task(informer.run())
    await informer.wait_synced()
    seconds = time.process_time() - started
    await asyncio.sleep(0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return _Followed(seconds, informer)


def _application(stored: StoredObject) -> list[str]:
    return [stored.label("app.kubernetes.io/name") or ""]


@attrs.frozen
class _Source:
    """A server whose watch is a stream of bytes."""

    decoder: ObjectDecoder
    chunks: Iterable[bytes]

    def list_pages(self, *, limit: int) -> AsyncIterator[WirePage]:
        raise NotImplementedError

    async def watch(
        self, *, resource_version: str, timeout_seconds: int, send_initial_events: bool, idle_timeout: float | None
    ) -> AsyncIterator[WatchEvent]:
        splitter = LineSplitter()
        for chunk in self.chunks:
            for line in splitter.feed(chunk):
                kind, wire = self.decoder.event(line)
                yield WatchEvent(kind, wire)
        await asyncio.Event().wait()


def _memory(make: Callable[[], object]) -> int:
    """Bytes held by what ``make`` returns."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = make()
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        del made
        return after - before
    finally:
        tracemalloc.stop()


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """``lines`` and the bookmark that ends them, cut as a socket would."""
    buffer = bytearray()
    for line in lines:
        buffer += line
        while len(buffer) >= _CHUNK:
            yield bytes(buffer[:_CHUNK])
            del buffer[:_CHUNK]
    end = {
        "kind": "Bookmark",
        "metadata": {"resourceVersion": "9000000", "annotations": {"k8s.io/initial-events-end": "true"}},
    }
    yield bytes(buffer) + b'{"type":"BOOKMARK","object":' + encode(end) + b"}\n"


def _event(manifest: Manifest) -> bytes:
    return b'{"type":"ADDED","object":' + encode(manifest) + b"}\n"


def _uid(number: int) -> str:
    return f"3f1b8c1e-7d42-4c1e-9a55-{number:012x}"


def _scrape_object(number: int) -> Manifest:
    """A VMServiceScrape installed by a Helm chart and reconciled once: 2 kB, of which managedFields are 0.8 kB."""
    namespace, application = f"team-{number % 50:02}", f"app-{number % 500}"
    version = VM_SERVICE_SCRAPE.api_version
    labels = {
        "app.kubernetes.io/name": application,
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/instance": f"{application}-{number}",
        "helm.sh/chart": f"{application}-1.2.3",
    }
    annotations = {
        "meta.helm.sh/release-name": f"{application}-{number}",
        "meta.helm.sh/release-namespace": namespace,
    }
    written = {
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
    }
    by_helm = {
        "f:metadata": {
            "f:annotations": {".": {}, **{f"f:{name}": {} for name in annotations}},
            "f:labels": {".": {}, **{f"f:{name}": {} for name in labels}},
        },
        "f:spec": {".": {}, "f:endpoints": {}, "f:selector": {}, "f:namespaceSelector": {}},
    }
    by_operator: Manifest = {
        "f:status": {".": {}, "f:conditions": {}, "f:updateStatus": {}, "f:observedGeneration": {}}
    }
    return {
        "apiVersion": version,
        "kind": VM_SERVICE_SCRAPE.kind,
        "metadata": {
            "annotations": annotations,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "generation": 3,
            "labels": labels,
            "managedFields": [
                {**written, "fieldsV1": by_helm, "manager": "helm"},
                {**written, "fieldsV1": by_operator, "manager": "app", "subresource": "status"},
            ],
            "name": f"{application}-{number:06}",
            "namespace": namespace,
            "resourceVersion": str(1_000_000 + number),
            "uid": _uid(number),
        },
        "spec": {
            "endpoints": [
                {
                    "port": "http",
                    "path": "/metrics",
                    "interval": "30s",
                    "scrapeTimeout": "10s",
                    "relabelConfigs": [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}],
                    "metricRelabelConfigs": [
                        {"action": "drop", "sourceLabels": ["__name__"], "regex": "go_gc_.*|process_.*"}
                    ],
                }
            ],
            "namespaceSelector": {"matchNames": [namespace]},
            "selector": {"matchLabels": {"app.kubernetes.io/name": application}},
        },
        "status": {
            "conditions": [
                {
                    "type": f"agent.monitoring.vmagents.{VM_SERVICE_SCRAPE.group}/Applied",
                    "status": "True",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                    "lastUpdateTime": "2026-01-01T00:00:00Z",
                    "reason": "ConfigParsedAndApplied",
                    "observedGeneration": 3,
                }
            ],
            "observedGeneration": 3,
            "updateStatus": "operational",
        },
    }


def _foreign_secret(number: int) -> Manifest:
    """The metadata of a secret that somebody else needs."""
    written = {
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:tls.crt": {}, "f:tls.key": {}}, "f:type": {}},
        "manager": "controller",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
    }
    return {
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": {
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/name": f"app-{number % 500}", "app.kubernetes.io/managed-by": "Helm"},
            "managedFields": [written],
            "name": f"app-{number % 500}-tls-{number:06}",
            "namespace": f"team-{number % 50:02}",
            "resourceVersion": str(1_000_000 + number),
            "uid": _uid(number),
        },
    }


def main() -> None:
    for objects in (10_000, 100_000):
        figures = store_figures(objects)
        print(
            f"{figures.objects} objects of {figures.object_bytes} B: {figures.bytes_per_object:.0f} B an object, "
            f"{figures.objects_per_second:.0f} objects/s"
        )
    foreign = foreign_figures()
    print(f"{foreign.secrets} foreign secrets and as many pods: {foreign.bytes_total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
