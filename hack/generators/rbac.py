"""`config/rbac`: what the operator may do, no more than its code does.

Every descriptor of `vmop.kube.resources` has verbs here, with what is done to it beyond them; a rule is generated only
for those that the operator's code names, so the role grows with the code. What the operator hands on to applications
(the discovery of an agent) it must hold itself, and is taken from the manifests that are built for one.

The spec of the Go operator's role is 08-operator.md §13. Beyond it, vmop patches the status of Deployments, where a
record of what was applied does not look like a rollout (00-writing.md §3), deletes pods that no eviction can replace
and asks pods for metrics through the API server where it cannot reach them.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from hack.generators.output import ROOT, Files, kustomization, yaml_documents
from vmop.api import Manifest
from vmop.api.v1beta1 import RemoteWrite, VMAgent, VMAgentSpec
from vmop.builders import Platform
from vmop.builders.vmagent import VMAgentInputs, build_vmagent
from vmop.kube import resources
from vmop.kube.resources import Resource
from vmop.settings import Settings

READ = ("get", "list", "watch")
EDIT = (*READ, "patch")  # of users: read, and metadata kept
OWN = (*READ, "create", "update", "patch", "delete")  # made by the operator


@attrs.frozen
class Use:
    """What is done to objects of a kind, and to their subresources."""

    verbs: tuple[str, ...]
    subresources: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


_CUSTOM = {"status": ("get", "patch"), "finalizers": ("update",)}
USES: Mapping[Resource, Use] = {
    resources.DEPLOYMENT: Use(OWN, {"status": ("patch",)}),
    resources.STATEFUL_SET: Use(OWN, {"status": ("patch",)}),  # of a finished OnDelete update
    resources.DAEMON_SET: Use(OWN),
    resources.REPLICA_SET: Use(READ),
    resources.CONTROLLER_REVISION: Use(READ),
    resources.POD: Use((*READ, "delete"), {"eviction": ("create",), "proxy": ("get",)}),
    resources.SERVICE: Use(OWN),
    resources.SECRET: Use(OWN),
    resources.CONFIG_MAP: Use(OWN),
    resources.SERVICE_ACCOUNT: Use(OWN),
    resources.NAMESPACE: Use(READ),
    resources.NODE: Use(READ),
    resources.EVENT: Use(("create", "patch")),
    resources.PERSISTENT_VOLUME_CLAIM: Use(OWN),
    resources.PERSISTENT_VOLUME: Use(READ),
    resources.ENDPOINTS: Use(READ),
    resources.STORAGE_CLASS: Use(READ),
    resources.ENDPOINT_SLICE: Use(READ),
    resources.ROLE: Use(OWN),
    resources.ROLE_BINDING: Use(OWN),
    resources.CLUSTER_ROLE: Use(OWN),
    resources.CLUSTER_ROLE_BINDING: Use(OWN),
    resources.POD_DISRUPTION_BUDGET: Use(OWN),
    resources.HORIZONTAL_POD_AUTOSCALER: Use(OWN),
    resources.VERTICAL_POD_AUTOSCALER: Use(OWN),
    resources.NETWORK_POLICY: Use(OWN),
    resources.INGRESS: Use(OWN),
    resources.HTTP_ROUTE: Use(OWN),
    resources.CUSTOM_RESOURCE_DEFINITION: Use(("get", "list")),
    # made by a VMDistributed, or for the scraping of an application
    resources.VM_AGENT: Use(OWN, _CUSTOM),
    resources.VM_AUTH: Use(OWN, _CUSTOM),
    resources.VM_CLUSTER: Use(OWN, _CUSTOM),
    resources.VM_SINGLE: Use(OWN, _CUSTOM),
    resources.VM_SERVICE_SCRAPE: Use(OWN, _CUSTOM),
    resources.VM_POD_SCRAPE: Use(OWN, _CUSTOM),
    # made by users
    resources.VM_DISTRIBUTED: Use(EDIT, _CUSTOM),
    resources.VM_ALERT: Use(EDIT, _CUSTOM),
    resources.VM_ALERTMANAGER: Use(EDIT, _CUSTOM),
    resources.VM_ALERTMANAGER_CONFIG: Use(EDIT, _CUSTOM),
    resources.VM_NODE_SCRAPE: Use(EDIT, _CUSTOM),
    resources.VM_PROBE: Use(EDIT, _CUSTOM),
    resources.VM_RULE: Use(EDIT, _CUSTOM),
    resources.VM_SCRAPE_CONFIG: Use(EDIT, _CUSTOM),
    resources.VM_STATIC_SCRAPE: Use(EDIT, _CUSTOM),
    resources.VM_USER: Use(EDIT, _CUSTOM),
}
_LEASE = Use(("create", "get", "update"))

# Where the operator's code is: not the client, which knows all kinds, and not what runs on a laptop.
OPERATOR = ("vmop/reconcilers", "vmop/runtime", "vmop/converter", "vmop/webhooks", "vmop/cli/operator.py")

NAMESPACE = "vm"
NAME = "vm-operator"
LEADER = "vm-leader-election"
_LABELS = {"app.kubernetes.io/managed-by": "kustomize", "app.kubernetes.io/name": NAME}


def rbac() -> Files:
    source = "what the code of the operator does (hack/generators/rbac.py)"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(NAME, NAMESPACE)}
    role = _role("ClusterRole", NAME, None, rules(touched(ROOT)))
    leader = _role("Role", f"{LEADER}-role", NAMESPACE, leader_rules())
    files = {
        "service_account.yaml": yaml_documents(source, account),
        "role.yaml": yaml_documents(source, role, _binding(role, NAME)),
        "leader_election_role.yaml": yaml_documents(source, leader, _binding(leader, f"{LEADER}-rolebinding")),
    }
    yield from files.items()
    yield kustomization(source, *files)


def rules(used: Iterable[Resource]) -> list[Manifest]:
    """The rules of the operator's ClusterRole. Raises KeyError for a resource without an entry in `USES`."""
    granted: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for resource in set(used) - {resources.LEASE}:
        use = USES[resource]
        granted[resource.group, use.verbs].add(resource.plural)
        for name, verbs in use.subresources.items():
            granted[resource.group, verbs].add(f"{resource.plural}/{name}")
    found = [
        {"apiGroups": [group], "resources": sorted(names), "verbs": list(verbs)}
        for (group, verbs), names in sorted(granted.items())
    ]
    for rule in _handed_on():
        if not _covers(found, rule):
            found.append(rule)
    return found


def leader_rules() -> list[Manifest]:
    """The rules of the Role in the operator's own namespace."""
    lease, event = resources.LEASE, resources.EVENT
    return [
        {"apiGroups": [lease.group], "resources": [lease.plural], "verbs": list(_LEASE.verbs)},
        {"apiGroups": [event.group], "resources": [event.plural], "verbs": list(USES[event].verbs)},
    ]


def touched(root: Path) -> set[Resource]:
    """The resources that the operator's code imports."""
    known = {name: value for name, value in vars(resources).items() if isinstance(value, Resource)}
    paths = [path for place in OPERATOR for path in _modules(root / place)]
    return {known[name] for path in paths for name in _imported(path) if name in known}


def _modules(place: Path) -> Iterable[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place] if place.exists() else []


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module="vmop.kube.resources", names=names):
                yield from (alias.name for alias in names)
            case ast.Attribute(value=ast.Name(id="resources"), attr=name):
                yield name


def _handed_on() -> list[Manifest]:
    """The rules that the operator gives to an agent; the API server lets nobody hand on what they do not hold."""
    spec = VMAgentSpec(remote_write=[RemoteWrite(url="http://vminsert:8480")], select_all_by_default=True)
    agent = VMAgent(metadata={"name": "agent", "namespace": "default"}, spec=spec)
    built = build_vmagent(agent, Settings(), Platform(), VMAgentInputs(scrape_config=""))
    return [rule for manifest in built.surroundings.objects for rule in manifest.get("rules") or ()]


_SCOPES = ("apiGroups", "resources", "nonResourceURLs")


def _covers(rules: Iterable[Manifest], wanted: Manifest) -> bool:
    """Whether some rule alone allows everything that `wanted` does."""
    return any(
        set(wanted["verbs"]) <= set(rule["verbs"])
        and all(set(wanted.get(key, ())) <= set(rule.get(key, ())) for key in _SCOPES)
        for rule in rules
    )


def _metadata(name: str, namespace: str | None) -> Manifest:
    return {"name": name, **({"namespace": namespace} if namespace else {}), "labels": dict(_LABELS)}


def _role(kind: str, name: str, namespace: str | None, rules: list[Manifest]) -> Manifest:
    api_version = resources.ROLE.api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": _metadata(name, namespace), "rules": rules}


def _binding(role: Manifest, name: str) -> Manifest:
    return {
        "apiVersion": role["apiVersion"],
        "kind": f"{role['kind']}Binding",
        "metadata": _metadata(name, role["metadata"].get("namespace")),
        "roleRef": {
            "apiGroup": resources.ROLE.group,
            "kind": role["kind"],
            "name": role["metadata"]["name"],
        },
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
