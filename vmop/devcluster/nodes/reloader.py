"""A simulated config-reloader: it follows its Secret, some time behind.

Nothing waits for that time: what came when is remembered, and whoever asks is told what is applied by then.
"""

import zlib
from collections.abc import Callable

import attrs

_GZIP = 16 + zlib.MAX_WBITS


@attrs.frozen
class ConfigSource:
    """The key of a Secret."""

    namespace: str
    secret: str
    key: str


class Reloader:
    """The config of one pod. `delay` is asked for the seconds between a change and its effect."""

    def __init__(self, source: ConfigSource, content: bytes, at: float, delay: Callable[[], float]) -> None:
        self.source = source
        self._delay = delay
        self._applied = content
        self._at = at
        self._coming: list[tuple[float, bytes]] = []
        self._reloads = 1

    def follow(self, content: bytes, at: float) -> None:
        """The Secret has this content since `at`."""
        last = self._coming[-1][1] if self._coming else self._applied
        if content != last:
            self._coming.append((at, content))

    def _advance(self, now: float) -> None:
        while self._coming and self._coming[0][0] + self._delay() <= now:
            self._at, self._applied = self._coming.pop(0)
            self._reloads += 1

    def raw(self, now: float) -> bytes:
        """The bytes of the key, as they are in the Secret, that are applied by now."""
        self._advance(now)
        return self._applied

    def config(self, now: float) -> bytes:
        """The config that the application runs with."""
        raw = self.raw(now)
        return zlib.decompress(raw, _GZIP) if raw[:2] == b"\x1f\x8b" else raw

    def metrics(self, now: float) -> list[str]:
        """Those of the real one (spec/08-operator.md 16.5)."""
        raw = self.raw(now)
        return [
            "configreloader_last_reload_successful 1",
            f"configreloader_last_reload_success_timestamp_seconds {self._at:.0f}",
            "configreloader_last_reload_errors_total 0",
            f"configreloader_config_last_reload_total {self._reloads}",
            "configreloader_k8s_watch_errors_total 0",
            "configreloader_secret_content_update_errors_total 0",
            f'configreloader_reload_content_hash{{key="main"}} {zlib.crc32(raw)}',
        ]
