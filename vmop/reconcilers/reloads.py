"""Whether pods run on the newest config: the config-reloader tells the hash of what it loaded (spec 02 §7, 06 §20)."""

from __future__ import annotations

import asyncio
import re
import zlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from vmop.builders.scrapes import RELOADER_PORT
from vmop.builders.vmauth import CONFIG_KEY
from vmop.kube import ApiError, ObjectKey, PodHttp
from vmop.kube.apply.plan import read_record
from vmop.kube.times import parse_time
from vmop.reconcilers.pods import Pod, is_ready, key_of_pod, unready_since
from vmop.reconcilers.progress import READY, Delay, Progress

INTERVAL = 2.0
LIMIT = timedelta(seconds=60)
HTTP_TIMEOUT = 5.0
_LOADED = re.compile(rb'^configreloader_reload_content_hash\{key="main"\}\s+(\S+)', re.MULTILINE)


@attrs.frozen
class Reload:
    """The loading of one config by the pods of `owner`, looked at `now`.

    `secret` is the config Secret as it is stored; `port` is where config-reloaders tell their metrics.
    """

    http: PodHttp
    now: datetime
    owner: ObjectKey
    secret: Mapping[str, Any] = attrs.field(repr=False)
    port: int = RELOADER_PORT

    async def check(self, pods: Sequence[Pod]) -> Progress:
        """Ready when all pods have loaded the config, also when there are none. Asks each pod once.

        Raises Delay when that takes longer than it may.
        """
        if await self._all_loaded(pods):
            return READY
        metadata = self.secret["metadata"]
        # a Secret that was taken over unchanged has no record of its last write
        written = read_record(metadata.get("annotations"))[1] or metadata.get("creationTimestamp")
        begun = max(filter(None, (parse_time(written), *map(unready_since, pods))), default=None)
        if begun is not None and self.now - begun > LIMIT:
            raise Delay(f"timed out waiting for {self.owner} to reload config: context deadline exceeded")
        return Progress(f"waiting for pods of {self.owner} to load the config", INTERVAL)

    async def _all_loaded(self, pods: Sequence[Pod]) -> bool:
        if not all(is_ready(pod) and (pod.get("status") or {}).get("podIP") for pod in pods):
            return False
        wanted = zlib.crc32(b64decode(self.secret["data"][CONFIG_KEY]))
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._has_loaded(pod, wanted)) for pod in pods]
        return all(task.result() for task in asked)

    async def _has_loaded(self, pod: Pod, wanted: int) -> bool:
        """The pod's config-reloader tells this hash; one that tells none is believed."""
        try:
            response = await self.http.get(
                key_of_pod(pod), self.port, "/metrics", pod_ip=pod["status"]["podIP"], timeout=HTTP_TIMEOUT
            )
        except ApiError:
            return False
        if response.status != 200:
            return False
        told = _LOADED.search(response.body)
        return told is None or _number(told[1]) == wanted


def is_blocked(pods: Sequence[Pod]) -> bool:
    """A pod that is there to stay is not ready, so it may never load anything."""
    return any(not pod["metadata"].get("deletionTimestamp") and not is_ready(pod) for pod in pods)


def _number(text: bytes) -> int | None:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None
