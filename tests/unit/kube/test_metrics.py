from prometheus_client import CollectorRegistry

from vmop.kube import ClientMetrics


def test_requests_are_counted_by_code_method_and_host() -> None:
    registry = CollectorRegistry()
    metrics = ClientMetrics(registry)
    for code in ("200", "200", "<error>"):
        metrics.observe(code=code, method="GET", host="h:1", path="/version", seconds=0.1)
    assert {
        (sample.labels["code"], sample.labels["method"], sample.labels["host"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "rest_client_requests_total"
    } == {("200", "GET", "h:1"): 2, ("<error>", "GET", "h:1"): 1}


def durations(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["method"], sample.labels["api"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "rest_client_request_duration_seconds_count"
    }


def test_durations_are_measured_by_full_path_of_the_groups_that_matter() -> None:
    registry = CollectorRegistry()
    metrics = ClientMetrics(registry)
    for path in ("/api/v1/namespaces/x/pods/y", "/version", "/apis/batch/v1/jobs", "/apis/apps/v1/deployments"):
        metrics.observe(code="200", method="GET", host="h", path=path, seconds=0.1)
    assert durations(registry) == {
        ("GET", "/api/v1/namespaces/x/pods/y"): 1,
        ("GET", "/apis/apps/v1/deployments"): 1,
    }


def test_buckets_are_those_of_client_go() -> None:
    registry = CollectorRegistry()
    ClientMetrics(registry).observe(code="200", method="GET", host="h", path="/api/v1/pods", seconds=0.1)
    buckets = [
        sample.labels["le"]
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "rest_client_request_duration_seconds_bucket"
    ]
    assert buckets == ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]


def test_paths_beyond_the_first_thousand_share_a_histogram() -> None:
    registry = CollectorRegistry()
    metrics = ClientMetrics(registry)
    paths = [f"/api/v1/namespaces/n/pods/{number}" for number in range(1000)]
    paths += [
        "/apis/apps/v1/namespaces/n/deployments/a/status",
        "/apis/apps/v1/namespaces/m/deployments/b/status",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/a",
        "/api/v1/nodes",
        "/api/v1/namespaces/a",
        paths[0],
    ]
    for path in paths:
        metrics.observe(code="200", method="GET", host="h", path=path, seconds=0.1)
    counts = durations(registry)
    assert len(counts) == 1004
    assert counts["GET", paths[0]] == 2
    assert {path: count for (_, path), count in counts.items() if path not in paths[:1000]} == {
        "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status": 2,
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}": 1,
        "/api/v1/nodes": 1,
        "/api/v1/namespaces/{name}": 1,
    }
