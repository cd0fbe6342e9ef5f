"""A controller: what changed → keys → queue → workers → reconciler.

A change reaches the queue through a *watch*: an informer, predicates, and a function from object to keys (the
object itself, its owner, or whatever a mapping function says). Of an update both sides are mapped, so an object
that changes hands wakes both hands. What the initial list or a resync brings is queued with :data:`LOW_PRIORITY`: a
change that somebody just made does not wait behind ten thousand objects that are as they were.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Sequence

import attrs
from structlog.contextvars import bound_contextvars

from vmop.informers import Informer, Registration, StoredObject
from vmop.kube import ApiError, Conflict, Fenced, ObjectKey, Resource
from vmop.runtime.logs import get_logger
from vmop.runtime.metrics import ControllerMetrics
from vmop.runtime.predicates import Change, Predicate
from vmop.runtime.reconciler import ReconcileError, Reconciler, RetryAfter, TerminalError
from vmop.workqueue import ExponentialFailureRateLimiter, QueueMetrics, QueueShutDown, RateLimiter, WorkQueue

LOW_PRIORITY = -100

MapFunction = Callable[[StoredObject], Iterable[ObjectKey]]

_log = get_logger(__name__)

# What in Go is a panic: a bug of the reconciler, not a state of the world. Counted apart and logged with its traceback.
_BUGS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(NameError, NotImplementedError, RecursionError, TypeError),
)

# Something that the reconciler awaited was cancelled, though nobody stops the controller: seconds until the next try.
_CANCELLED_DELAY = 5.0


@attrs.frozen
class _Watch:
    """One watch, and the handler of its informer's changes."""

    informer: Informer
    map_function: MapFunction
    predicates: Sequence[Predicate]
    queue: WorkQueue[ObjectKey]

    def on_add(self, obj: StoredObject, initial: bool) -> None:
        self._handle(Change(None, obj), LOW_PRIORITY if initial else 0)

    def on_update(self, old: StoredObject, new: StoredObject) -> None:
        resync = old.resource_version == new.resource_version
        self._handle(Change(old, new), LOW_PRIORITY if resync else 0)

    def on_delete(self, obj: StoredObject) -> None:
        self._handle(Change(obj, None), 0)

    def _handle(self, change: Change, priority: int) -> None:
        for predicate in self.predicates:
            if not predicate(change):
                return
        for obj in change:
            if obj is not None:
                for key in self.map_function(obj):
                    self.queue.add(key, priority=priority)


def owner_keys(owner: Resource) -> MapFunction:
    """Maps an object to the key of its controlling owner, if that is of kind ``owner`` (whatever its version)."""

    def keys(obj: StoredObject) -> list[ObjectKey]:
        for reference in obj.metadata.get("ownerReferences", ()):
            group = reference["apiVersion"].rpartition("/")[0]
            if reference.get("controller") and reference["kind"] == owner.kind and group == owner.group:
                return [ObjectKey(obj.key.namespace if owner.namespaced else "", reference["name"])]
        return []

    return keys


class Controller:
    """Calls ``reconcile`` for each key of which something changed; see :mod:`vmop.runtime.reconciler` for the contract.

    ``name`` is the label of its metrics and log lines. Up to ``workers`` keys are worked on at a time, never one
    key twice. A reconcile that takes more than ``timeout`` seconds is cancelled and counts as failed.
    ``predicates`` hold for each of its watches. ``rate_limiter`` decides on retries after failures; without one: 2
    s, doubling up to 2 min, for each key.
    """

    def __init__(
        self,
        name: str,
        reconcile: Reconciler,
        *,
        workers: int = 15,
        rate_limiter: RateLimiter | None = None,
        timeout: float | None = None,
        predicates: Sequence[Predicate] = (),
    ) -> None:
        self.name = name
        self.queue: WorkQueue[ObjectKey] = WorkQueue(name, rate_limiter or ExponentialFailureRateLimiter(2.0, 120.0))
        self._reconcile = reconcile
        self._workers = workers
        self._timeout = timeout
        self._predicates = tuple(predicates)
        self._watches: list[_Watch] = []
        self._resource: Resource | None = None
        self._metrics: ControllerMetrics | None = None

    @property
    def informers(self) -> list[Informer]:
        """The informers that it watches; workers start when all are synced."""
        return [watch.informer for watch in self._watches]

    def watch_for(self, informer: Informer, *predicates: Predicate) -> "Controller":
        """Reconcile the objects of ``informer`` themselves. Returns the controller, to be chained."""
        self._resource = informer.resource
        return self.watches(informer, lambda obj: (obj.key,), *predicates)

    def owns(self, informer: Informer, owner: Resource, *predicates: Predicate) -> "Controller":
        """Reconcile the controlling owner, of kind ``owner``, of the objects of ``informer``."""
        return self.watches(informer, owner_keys(owner), *predicates)

    def watches(self, informer: Informer, map_function: MapFunction, *predicates: Predicate) -> "Controller":
        """Reconcile the keys that ``map_function`` gives for an object of ``informer`` (of an update: for old and
        new).
        """
        self._watches.append(_Watch(informer, map_function, (*self._predicates, *predicates), self.queue))
        return self

    def enqueue(self, key: ObjectKey, *, after: float = 0) -> None:
        """Reconcile ``key``, at once or in ``after`` seconds."""
        if after > 0:
            self.queue.add_after(key, after)
        else:
            self.queue.add(key)

    def measure(self, metrics: ControllerMetrics, queue_metrics: QueueMetrics) -> None:
        """Count into these metrics from now on. A manager does this for its controllers."""
        self._metrics = metrics
        metrics.prepare(self.name, self._workers)
        queue_metrics.attach(self.queue)

    async def run(self) -> None:
        """Work until :meth:`stop` (returns when running reconciles have ended) or until cancelled (cancels them, too).

        The informers have to run already. A controller runs once: make a new one to start again.
        """
        registrations: list[Registration] = []
        try:
            for informer in self.informers:
                await informer.wait_synced()
            registrations.extend(watch.informer.add_handler(watch) for watch in self._watches)
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"{self.name}-worker-{number}")
        finally:
            for registration in registrations:
                registration.remove()
            self.queue.shut_down()

    def stop(self) -> None:
        """Take no more work; what is queued is dropped, for the next start lists everything anew."""
        self.queue.shut_down()

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueShutDown:
                return
            try:
                await self._handle(key)
            finally:
                self.queue.done(key)

    async def _handle(self, key: ObjectKey) -> None:
        # As the Go operator names the object: `vmagent: edge, namespace: mon`.
        what = self.name if self._resource is None else self._resource.kind.lower()
        context = {what: key.name, "namespace": key.namespace, "reconcileID": str(uuid.uuid4())}
        loop = asyncio.get_running_loop()
        started = loop.time()
        if self._metrics is not None:
            self._metrics.active_workers.labels(self.name).inc()
        try:
            with bound_contextvars(**context):
                result = await self._attempt(key)
            if self._metrics is not None:
                self._metrics.reconciles.labels(self.name, result).inc()
        finally:
            if self._metrics is not None:
                self._metrics.active_workers.labels(self.name).dec()
                self._metrics.seconds.labels(self.name).observe(loop.time() - started)

    async def _attempt(self, key: ObjectKey) -> str:
        """Reconcile ``key`` once, queue what follows from how it ended, and return the value of the label
        ``result``.
        """
        priority = self.queue.priority(key)
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                requeue_after = (await self._reconcile(key)).requeue_after
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self.queue.add_after(key, _CANCELLED_DELAY, priority=priority)
            return "requeue_after"
        except Exception as error:  # noqa: BLE001 - whatever one object causes must not stop the others
            return self._failed(key, priority, _only(error), timed_out=limit.expired())
        self.queue.forget(key)
        if requeue_after is None:
            return "success"
        self.queue.add_after(key, requeue_after, priority=priority)
        return "requeue_after"

    def _failed(self, key: ObjectKey, priority: int, error: Exception, *, timed_out: bool) -> str:
        match error:
            case RetryAfter():
                _log.debug("reconcile is repeated", reason=str(error))
                self.queue.add_after(key, error.delay, priority=priority)
                return "requeue_after"
            case Conflict() | Fenced():
                _log.debug("reconcile is repeated", reason=str(error))
                self.queue.add_rate_limited(key, priority=priority)
                return "requeue"
            case TerminalError():
                self.queue.forget(key)
            case _:
                self.queue.add_rate_limited(key, priority=priority)
        bug = isinstance(error, _BUGS)
        if self._metrics is not None:
            self._metrics.errors.labels(self.name).inc()
            self._metrics.terminal_errors.labels(self.name).inc(isinstance(error, TerminalError))
            self._metrics.panics.labels(self.name).inc(bug)
            self._metrics.timeouts.labels(self.name).inc(timed_out)
        text = f"reconcile took longer than {self._timeout:g}s" if timed_out else str(error) or repr(error)
        expected = timed_out or isinstance(error, TerminalError | ReconcileError | ApiError)
        _log.error("Reconciler error", **self._identify(key), error=text, exc_info=None if expected else error)
        return "error"

    def _identify(self, key: ObjectKey) -> dict[str, object]:
        """Controller-runtime's pairs of an error: alerts and searches look for them."""
        pairs: dict[str, object] = {"controller": self.name}
        if self._resource is not None:
            kind = self._resource.kind
            pairs |= {"controllerGroup": self._resource.group, "controllerKind": kind}
            pairs[kind] = {"name": key.name, "namespace": key.namespace}
        return pairs | {"namespace": key.namespace, "name": key.name}


def _only(error: Exception) -> Exception:
    """The one error in a group that holds just one: what a task group of the reconciler makes of it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
