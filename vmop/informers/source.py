"""The calls of a reflector, made of a client."""

from collections.abc import AsyncIterator
from typing import Protocol

import attrs

from vmop.kube import Resource, WatchEvent, WirePage


class Server(Protocol):
    """What informers need of :class:`vmop.kube.Client`."""

    def list_pages(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = 500,
    ) -> AsyncIterator[WirePage]: ...

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        timeout_seconds: int = 300,
        send_initial_events: bool = False,
        allow_bookmarks: bool = True,
        idle_timeout: float | None = None,
    ) -> AsyncIterator[WatchEvent]: ...


@attrs.frozen
class Selection:
    """What an informer follows. Informers with equal selections are one."""

    resource: Resource
    namespace: str | None = None
    """``None``: the namespaces of the factory; empty: all."""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False

    def __str__(self) -> str:
        """The part beside the resource, as it stands in metrics."""
        parts = (
            f"namespace {self.namespace}" if self.namespace else "",
            self.label_selector,
            self.field_selector,
            "metadata" if self.metadata_only else "",
        )
        return "; ".join(filter(None, parts))


@attrs.frozen
class ClientListWatch:
    """A :class:`vmop.informers.reflector.ListWatch` over a client, for one namespace (empty: all)."""

    server: Server
    selection: Selection
    namespace: str

    def list_pages(self, *, limit: int) -> AsyncIterator[WirePage]:
        selection = self.selection
        return self.server.list_pages(
            selection.resource,
            self.namespace,
            label_selector=selection.label_selector,
            field_selector=selection.field_selector,
            metadata_only=selection.metadata_only,
            limit=limit,
        )

    def watch(
        self, *, resource_version: str, timeout_seconds: int, send_initial_events: bool, idle_timeout: float | None
    ) -> AsyncIterator[WatchEvent]:
        selection = self.selection
        return self.server.watch(
            selection.resource,
            self.namespace,
            resource_version=resource_version,
            label_selector=selection.label_selector,
            field_selector=selection.field_selector,
            metadata_only=selection.metadata_only,
            timeout_seconds=timeout_seconds,
            send_initial_events=send_initial_events,
            allow_bookmarks=True,
            idle_timeout=idle_timeout,
        )
