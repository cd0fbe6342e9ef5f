"""What the client counts, under the names that client-go and controller-runtime use (``08-operator.md`` §8.2)."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_MEASURED = (
    "/api/v1/",
    "/apis/apps/v1/",
    "/apis/operator.victoriametrics.com/",
    "/apis/rbac.authorization.k8s.io/v1/",
)
_MAX_PATHS = 1000
# the default buckets of Go's client library; Python's has others
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class ClientMetrics:
    """Requests by code, method and host; durations by method and path.

    Each path has its own histogram, as dashboards expect. Because ten thousand objects would then cost a hundred
    megabytes, paths beyond the first thousand are counted under their collection with the name as ``{name}``.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "rest_client_requests",
            "Number of HTTP requests, partitioned by status code, method, and host.",
            ["code", "method", "host"],
            registry=registry,
        )
        self._durations = Histogram(
            "rest_client_request_duration_seconds",
            "Request latency in seconds, partitioned by method and path.",
            ["method", "api"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._paths: set[str] = set()

    def observe(self, *, code: str, method: str, host: str, path: str, seconds: float) -> None:
        """Count one answer, ``code`` being its HTTP status or ``<error>``, after ``seconds``."""
        self._requests.labels(code, method, host).inc()
        if path.startswith(_MEASURED):
            self._durations.labels(method, self._bounded(path)).observe(seconds)

    def _bounded(self, path: str) -> str:
        if path in self._paths:
            return path
        if len(self._paths) < _MAX_PATHS:
            self._paths.add(path)
            return path
        return _without_name(path)


def _without_name(path: str) -> str:
    """``…/namespaces/x/pods/y/log`` → ``…/namespaces/{namespace}/pods/{name}/log``."""
    parts = path.split("/")
    start = 3 if parts[1] == "api" else 4
    if len(parts) > start + 2 and parts[start] == "namespaces":
        parts[start + 1] = "{namespace}"
        start += 2
    if len(parts) > start + 1:
        parts[start + 1] = "{name}"
    return "/".join(parts)
