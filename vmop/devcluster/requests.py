"""What a request asks for, read from its method, path, parameters and headers: pure, no I/O."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from vmop.devcluster.registry import Served
from vmop.devcluster.status import Cause, bad_request, invalid

Verb: TypeAlias = Literal["create", "get", "list", "watch", "update", "patch", "delete", "deletecollection", "connect"]
WRITES: frozenset[str] = frozenset(("create", "update", "patch", "delete", "deletecollection"))


@attrs.frozen
class ApiPath:
    """`/api/v1/namespaces/ns/pods/name/status`, taken apart. `rest` is what follows a proxy."""

    group: str
    version: str
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""


def parse_path(path: str) -> ApiPath | None:
    """None when the path is none of a resource or of a version."""
    parts = path.strip("/").split("/")
    match parts:
        case ["api", version, *tail]:
            group = ""
        case ["apis", group, *more]:
            version, *tail = more or [""]
        case _:
            return None
    namespace = ""
    if len(tail) >= 3 and tail[0] == "namespaces" and not (group == "" and tail[2] in ("status", "finalize")):
        namespace, tail = tail[1], tail[2:]
    plural, name, subresource = [*tail[:3], "", "", ""][:3]
    return ApiPath(group, version, plural, namespace, name, subresource, "/".join(tail[3:]))


@attrs.frozen
class Options:
    """Parameters of writes."""

    dry_run: bool = False
    field_manager: str = "unknown"
    force: bool = False
    strict: bool = False
    user: str = ""
    names_manager: bool = False  # whether the client named the field manager


@attrs.frozen
class Call:
    """A request on a resource, for the fault hooks and for the verbs."""

    verb: Verb
    served: Served
    namespace: str
    name: str
    subresource: str
    options: Options = attrs.field(factory=Options)
    user_agent: str = ""

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES

    def __str__(self) -> str:
        where = "/".join(part for part in (self.namespace, self.name, self.subresource) if part)
        return f"{self.verb} {self.served.storage} {where}".rstrip()


def flag(params: Mapping[str, str], name: str) -> bool:
    """A Boolean parameter as the API server reads it: present and neither `false` nor `0`."""
    return params.get(name, "0").lower() not in ("0", "false")


def number(params: Mapping[str, str], name: str) -> int:
    """A whole parameter, 0 when absent; 400 when it is none."""
    try:
        return int(params.get(name) or 0)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{params[name]}": invalid syntax') from None


def version_of(params: Mapping[str, str]) -> int:
    """The `resourceVersion`, 0 when absent; 400 when it is none."""
    text = params.get("resourceVersion") or "0"
    if not text.isdecimal():
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: resourceVersion: {why}")
    return int(text)


_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_OPTION_KINDS: Mapping[str, str] = {
    "create": "CreateOptions",
    "update": "UpdateOptions",
    "patch": "PatchOptions",
}


def write_options(verb: str, params: Mapping[str, str], user_agent: str, user: str) -> Options:
    """Options of a create, update or patch; the field manager defaults to the program's name, as on a real server."""
    dry_run = params.get("dryRun", "")
    if dry_run not in ("", "All"):
        message = f'Unsupported value: ["{dry_run}"]: supported values: "All"'
        cause = Cause("FieldValueNotSupported", message, "dryRun")
        raise invalid("meta.k8s.io", _OPTION_KINDS.get(verb, "DeleteOptions"), "", (cause,))
    validation = params.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        listed = ", ".join(f'"{one}"' for one in _VALIDATIONS)
        message = f'Unsupported value: "{validation}": supported values: {listed}'
        cause = Cause("FieldValueNotSupported", message, "fieldValidation")
        raise invalid("meta.k8s.io", _OPTION_KINDS.get(verb, "DeleteOptions"), "", (cause,))
    return Options(
        dry_run=bool(dry_run),
        field_manager=params.get("fieldManager") or user_agent.split("/", 1)[0] or "unknown",
        force=flag(params, "force"),
        strict=validation == "Strict",
        user=user,
        names_manager=bool(params.get("fieldManager")),
    )
