"""Requests taken apart: paths, parameters, accepted forms, protobuf bodies."""

import pytest

from vmop.devcluster import protobuf
from vmop.devcluster.negotiation import Accepted, parse_accept
from vmop.devcluster.requests import ApiPath, flag, number, parse_path, write_options
from vmop.devcluster.status import StatusError


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("/api/v1", ApiPath("", "v1")),
        ("/apis/apps", ApiPath("apps", "")),
        ("/apis/apps/v1", ApiPath("apps", "v1")),
        ("/api/v1/nodes/n", ApiPath("", "v1", "nodes", "", "n")),
        ("/api/v1/namespaces", ApiPath("", "v1", "namespaces")),
        ("/api/v1/namespaces/n", ApiPath("", "v1", "namespaces", "", "n")),
        ("/api/v1/namespaces/n/finalize", ApiPath("", "v1", "namespaces", "", "n", "finalize")),
        ("/api/v1/namespaces/n/pods", ApiPath("", "v1", "pods", "n")),
        ("/api/v1/namespaces/n/pods/p/proxy/a/b", ApiPath("", "v1", "pods", "n", "p", "proxy", "a/b")),
        ("/apis/apps/v1/namespaces/n/deployments/d/scale", ApiPath("apps", "v1", "deployments", "n", "d", "scale")),
        ("/metrics", None),
    ],
)
def test_paths(path: str, parsed: ApiPath | None) -> None:
    assert parse_path(path) == parsed


def test_the_field_manager_defaults_to_the_program() -> None:
    options = write_options("create", {}, "kubectl/v1.37.1 (linux/amd64)", "admin")
    assert (options.field_manager, options.user, options.dry_run) == ("kubectl", "admin", False)


def test_an_unknown_dry_run_is_invalid() -> None:
    with pytest.raises(StatusError) as caught:
        write_options("update", {"dryRun": "Some"}, "", "")
    assert caught.value.message == (
        'UpdateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"'
    )


def test_flags_and_numbers() -> None:
    params = {"watch": "true", "off": "false", "limit": "5", "bad": "x"}
    assert (flag(params, "watch"), flag(params, "off"), flag(params, "none"), number(params, "limit")) == (
        True,
        False,
        False,
        5,
    )
    with pytest.raises(StatusError, match="invalid syntax"):
        number(params, "bad")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", Accepted()),
        ("*/*", Accepted()),
        ("application/vnd.kubernetes.protobuf,application/json", Accepted()),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Accepted(form="table")),
        ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", Accepted(form="metadata")),
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", Accepted(aggregated=True)),
        ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", Accepted()),
        ("application/yaml", Accepted(yaml=True)),
        ("text/html", None),
    ],
)
def test_accepted_forms(header: str, accepted: Accepted | None) -> None:
    assert parse_accept(header) == accepted


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def envelope(kind: bytes, raw: bytes) -> bytes:
    return protobuf.MAGIC + field(1, field(1, b"v1") + field(2, kind)) + field(2, raw)


def test_a_protobuf_body_is_decoded() -> None:
    label = field(1, b"app") + field(2, b"x")
    metadata = field(1, b"s") + field(7, 0) + field(8, field(1, 60)) + field(11, label) + field(14, b"f")
    owner = field(1, b"Node") + field(6, 1) + field(7, 0)
    raw = field(1, metadata + field(13, owner)) + field(2, field(1, b"k") + field(2, b"v")) + field(9, 1)
    assert protobuf.decode(envelope(b"Secret", raw)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "s",
            "creationTimestamp": "1970-01-01T00:01:00Z",
            "labels": {"app": "x"},
            "finalizers": ["f"],
            "ownerReferences": [{"kind": "Node", "controller": True, "blockOwnerDeletion": False}],
        },
        "data": {"k": "dg=="},
    }


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"nothing", 400),
        (envelope(b"Pod", b""), 415),
        (protobuf.MAGIC + field(1, b""), 400),
        (envelope(b"Secret", field(1, 5)), 400),
        (envelope(b"Secret", b"\x09"), 400),
        (envelope(b"Secret", b"\x80"), 400),
    ],
)
def test_other_protobuf_bodies_are_refused(raw: bytes, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        protobuf.decode(raw)
    assert caught.value.code == code
