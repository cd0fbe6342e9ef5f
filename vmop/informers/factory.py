"""One informer for everybody who asks for the same."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import Protocol

from vmop.informers.informer import Informer, InformerOptions
from vmop.informers.metrics import InformerMetrics
from vmop.informers.objects import DecodedCache, StoredObject
from vmop.informers.reflector import ListWatch
from vmop.informers.source import ClientListWatch, Selection, Server
from vmop.informers.store import Keep
from vmop.informers.transforms import Transform
from vmop.kube import ApiError, Manifest, ObjectKey, Resource

_log = logging.getLogger(__name__)


class _Version(Protocol):
    @property
    def major(self) -> int: ...

    @property
    def minor(self) -> int: ...


class VersionedServer(Server, Protocol):
    """A client whose server says how old it is."""

    async def server_version(self) -> _Version: ...


class InformerFactory:
    """Makes, shares, starts and stops informers. It is the :class:`vmop.kube.ObjectCache` of the applier.

    ``namespaces`` limits namespaced resources (empty: all namespaces); ``resync`` is the period in seconds in
    which handlers are told of every object again (``None``: never); ``idle_timeout`` the seconds after which
    a silent connection is replaced; ``decoded_bytes`` the JSON bytes of which decoded forms are kept.
    """

    def __init__(
        self,
        client: VersionedServer,
        *,
        namespaces: Sequence[str] = (),
        now: Callable[[], datetime] | None = None,
        random: Random | None = None,
        metrics: InformerMetrics | None = None,
        resync: float | None = None,
        idle_timeout: float = 150.0,
        decoded_bytes: int = 4 << 20,
    ) -> None:
        self._client = client
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._version = (0, 0)
        self._options = InformerOptions(
            random=random or Random(),
            metrics=metrics,
            resync=resync,
            idle_timeout=idle_timeout,
            comparable=lambda: self._version >= (1, 35),
            streaming=lambda: self._version >= (1, 32),
            decoded=DecodedCache(decoded_bytes),
        )
        self._informers: dict[tuple[Selection, Transform | None, Keep | None], Informer] = {}
        self._by_resource: dict[Resource, list[Informer]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def informer(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        transform: Transform | None = None,
        keep: Keep | None = None,
    ) -> Informer:
        """The informer of these arguments, made when it is asked for first; while the factory runs, it starts
        at once.

        ``keep`` says of which objects more than the identity is kept
        (:func:`vmop.informers.transforms.identity_unless`).
        """
        selection = Selection(resource, namespace, label_selector, field_selector, metadata_only)
        known = self._informers.get((selection, transform, keep))
        if known is not None:
            return known
        sources: dict[str, ListWatch] = {
            scope: ClientListWatch(self._client, selection, scope) for scope in self._scopes(resource, namespace)
        }
        informer = Informer(
            selection, sources, self._options, transform=transform, keep=keep, number=len(self._informers)
        )
        self._informers[selection, transform, keep] = informer
        self._by_resource.setdefault(resource, []).append(informer)
        if self._tasks is not None:
            self._tasks.create_task(informer.run())
        return informer

    async def run(self) -> None:
        """Runs all informers until cancelled, also those asked for later."""
        await self._ask_version()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(asyncio.Event().wait())
                for informer in self._informers.values():
                    tasks.create_task(informer.run())
        finally:
            self._tasks = None

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Returns when all informers asked for so far are synced.

        Raises :class:`TimeoutError` after ``timeout`` seconds, which names those that are not, with the
        reason where there is one.
        """
        informers = list(self._informers.values())
        try:
            async with asyncio.timeout(timeout):
                for informer in informers:
                    await informer.wait_synced()
        except TimeoutError:
            missing = [_describe(informer) for informer in informers if not informer.synced]
            raise TimeoutError(f"not synced after {timeout} s: {', '.join(missing)}") from None

    # --- vmop.kube.ObjectCache ----------------------------------------------------------------------------------------

    def is_cached(self, resource: Resource, namespace: str | None = None) -> bool:
        """Whether a synced informer holds whole objects of ``resource`` (and follows ``namespace``, where one
        is given).
        """
        return any(informer.synced for informer in self._caches(resource, namespace))

    def cached(self, resource: Resource, key: ObjectKey) -> StoredObject | None:
        """The object, or ``None`` when it is known to be absent (from what the informers of this resource select)."""
        for informer in self._caches(resource, key[0]):
            stored = informer.lister.get(key)
            if stored is not None:
                return stored
        return None

    def record_write(self, resource: Resource, manifest: Manifest) -> None:
        """The server answered a write with ``manifest``: no lister shows an older version from now on."""
        for informer in self._by_resource.get(resource, ()):
            informer.record_write(manifest)

    def record_delete(self, resource: Resource, key: ObjectKey, uid: str) -> None:
        """The server confirmed that the object with ``uid`` is gone: no lister shows it from now on."""
        for informer in self._by_resource.get(resource, ()):
            informer.record_delete(key, uid)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _caches(self, resource: Resource, namespace: str | None) -> list[Informer]:
        return [
            informer
            for informer in self._by_resource.get(resource, ())
            if informer.complete and (namespace is None or informer.covers(namespace))
        ]

    def _scopes(self, resource: Resource, namespace: str | None) -> tuple[str, ...]:
        if not resource.namespaced:
            return ("",)
        if namespace is not None:
            return (namespace,)
        return self._namespaces or ("",)

    async def _ask_version(self) -> None:
        """What the server can depends on its version. Without an answer, nothing is taken for granted."""
        try:
            version = await self._client.server_version()
        except (ApiError, OSError, ValueError) as error:
            _log.warning(
                "the server's version is unknown: resource versions are not compared, lists come in pages: %s", error
            )
        else:
            self._version = (version.major, version.minor)


def _describe(informer: Informer) -> str:
    selection = str(informer.selection)
    text = f"{informer.resource} ({selection})" if selection else str(informer.resource)
    return f"{text}: {informer.failure}" if informer.failure else text
