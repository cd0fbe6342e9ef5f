"""One environment variable as data, and how a set of them is read.

`Settings` declares its fields with `variable` and `component`; the declarations are the only table there is. From it
come the parser, the defaults, `print_defaults` and the `config_parameter` metric.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from vmop.settings.values import UNLIMITED, parse_bool, parse_int, parse_quantity, parse_text

ALWAYS_SET: Mapping[str, str] = {
    "VM_METRICS_VERSION": "v1.150.0",
    "VM_LOGS_VERSION": "v1.52.0",
    "VM_ANOMALY_VERSION": "v1.30.2",
    "VM_TRACES_VERSION": "v0.10.0",
    "VM_OPERATOR_VERSION": "v0.74.1",
}
"""Versions that interpolation finds in the environment even where nobody set them (08 §3.1)."""

CLUSTER_SWITCHES: Mapping[str, str] = {
    "VM_VMCLUSTERDEFAULT_USEDEFAULTRESOURCES": "true",
    "VM_VLCLUSTERDEFAULT_USEDEFAULTRESOURCES": "true",
    "VM_VTCLUSTERDEFAULT_USEDEFAULTRESOURCES": "true",
}

_REFERENCE = re.compile(r"\$(?:\{([^}]*)\}|([*#$@!?\-0-9])|([A-Za-z_][A-Za-z0-9_]*))")
_MARK = "vmop.settings"
_SettingsT = TypeVar("_SettingsT", bound=attrs.AttrsInstance)


class SettingsError(ValueError):
    """Environment variables that cannot be read. The operator must not start: tell the person all of `problems`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("invalid environment: " + "; ".join(problems))
        self.problems = problems


@attrs.frozen
class Variable:
    """One variable: `default` is raw text, in which `${NAME}` is replaced only if `interpolate` is set."""

    name: str
    default: str
    description: str
    parse: Callable[[str], Any] = parse_text
    empty: Any = ""
    interpolate: bool = False

    def raw(self, environ: Mapping[str, str]) -> str:
        """What is set, else the default, both without interpolation. Empty counts as unset."""
        return environ.get(self.name) or self.default

    def value(self, text: str) -> Any:
        """The typed value of interpolated text. Raises `ValueError`."""
        return self.parse(text) if text else self.empty


@attrs.frozen
class DefaultResources:
    """Resources given to a container when its custom resource sets none. `unlimited` means: leave it out."""

    limit_mem: str = UNLIMITED
    limit_cpu: str = UNLIMITED
    limit_ephemeral_storage: str = UNLIMITED
    request_mem: str = UNLIMITED
    request_cpu: str = UNLIMITED
    request_ephemeral_storage: str = UNLIMITED

    @property
    def limits(self) -> dict[str, str]:
        """By Kubernetes resource name, without what is unlimited."""
        return _limited(self.limit_cpu, self.limit_mem, self.limit_ephemeral_storage)

    @property
    def requests(self) -> dict[str, str]:
        return _limited(self.request_cpu, self.request_mem, self.request_ephemeral_storage)


def _limited(cpu: str, memory: str, ephemeral_storage: str) -> dict[str, str]:
    named = {"cpu": cpu, "memory": memory, "ephemeral-storage": ephemeral_storage}
    return {name: quantity for name, quantity in named.items() if quantity not in {UNLIMITED, ""}}


@attrs.frozen
class ComponentDefaults:
    """What the operator fills in for one application when its custom resource says nothing (08 §3.3)."""

    image: str
    version: str
    port: str
    use_default_resources: bool
    resources: DefaultResources
    termination_grace_period_seconds: int


def variable(
    name: str,
    default: str,
    description: str,
    parse: Callable[[str], Any] = parse_text,
    *,
    empty: Any = "",
    interpolate: bool = False,
) -> Any:
    """An attrs field of `Settings` read from the variable `name`; `empty` is the value of an empty text."""
    return _field(lambda values: values[0], (Variable(name, default, description, parse, empty, interpolate),))


def component(
    prefix: str,
    image: str,
    version: str,
    port: str,
    *,
    limits: tuple[str, str],
    requests: tuple[str, str],
    use_default_resources: str = "true",
    image_suffix: str = "IMAGE",
    version_suffix: str = "VERSION",
    grace: str = "30",
) -> Any:
    """An attrs field of `Settings` holding the eleven variables of one application.

    `limits` and `requests` are (memory, cpu). `use_default_resources` may name a switch that several components share.
    """
    title = image.rpartition("/")[2]
    (limit_mem, limit_cpu), (request_mem, request_cpu) = limits, requests
    named = "${" in version
    variables = (
        Variable(f"{prefix}_{image_suffix}", image, f"image repository of {title}"),
        Variable(f"{prefix}_{version_suffix}", version, f"image tag of {title}", interpolate=named),
        Variable(f"{prefix}_PORT", port, f"port that {title} listens on"),
        Variable(
            f"{prefix}_USEDEFAULTRESOURCES",
            use_default_resources,
            f"give {title} the resources below where its custom resource sets none",
            parse_bool,
            empty=False,
            interpolate="${" in use_default_resources,
        ),
        *(
            Variable(f"{prefix}_RESOURCE_{suffix}", quantity, f"{text} of {title}", parse_quantity)
            for suffix, quantity, text in (
                ("LIMIT_MEM", limit_mem, "memory limit"),
                ("LIMIT_CPU", limit_cpu, "cpu limit"),
                ("LIMIT_EPHEMERAL_STORAGE", UNLIMITED, "ephemeral storage limit"),
                ("REQUEST_MEM", request_mem, "memory request"),
                ("REQUEST_CPU", request_cpu, "cpu request"),
                ("REQUEST_EPHEMERAL_STORAGE", UNLIMITED, "ephemeral storage request"),
            )
        ),
        Variable(
            f"{prefix}_TERMINATION_GRACE_PERIOD_SECONDS",
            grace,
            f"seconds that a pod of {title} has to stop",
            parse_int,
        ),
    )
    return _field(_component_defaults, variables)


def _component_defaults(values: tuple[Any, ...]) -> ComponentDefaults:
    image, version, port, use_default_resources, *quantities, grace = values
    return ComponentDefaults(image, version, port, use_default_resources, DefaultResources(*quantities), grace)


@attrs.frozen
class _Declaration:
    variables: tuple[Variable, ...]
    build: Callable[[tuple[Any, ...]], Any]

    def built_in(self) -> Any:
        known = {**ALWAYS_SET, **CLUSTER_SWITCHES}
        texts = (interpolated(v.default, known, {}) if v.interpolate else v.default for v in self.variables)
        return self.build(tuple(v.value(text) for v, text in zip(self.variables, texts, strict=True)))


def _field(build: Callable[[tuple[Any, ...]], Any], variables: tuple[Variable, ...]) -> Any:
    declaration = _Declaration(variables, build)
    return attrs.field(factory=declaration.built_in, metadata={_MARK: declaration})


def variables_of(cls: type[attrs.AttrsInstance]) -> Iterator[Variable]:
    """All variables of a settings class, in the order of their declaration."""
    for field in attrs.fields(cls):
        yield from field.metadata[_MARK].variables


def interpolated(text: str, resolved: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """`text` with `$NAME` and `${NAME}` replaced, recursively. Unknown names, and loops, are empty."""

    def expand(text: str, seen: frozenset[str]) -> str:
        def replacement(match: re.Match[str]) -> str:
            name = next(group for group in match.groups() if group is not None)
            value = resolved.get(name) or environ.get(name, "")
            return "" if name in seen else expand(value, seen | {name})

        return _REFERENCE.sub(replacement, text)

    return expand(text, frozenset())


def texts_of(cls: type[attrs.AttrsInstance], environ: Mapping[str, str]) -> dict[str, str]:
    """The text in effect of every variable by name: what is set or the default, interpolated where that applies."""
    surroundings = {**environ, **{name: environ.get(name) or version for name, version in ALWAYS_SET.items()}}
    resolved: dict[str, str] = {}
    for entry in variables_of(cls):
        raw = entry.raw(environ)
        resolved[entry.name] = interpolated(raw, resolved, surroundings) if entry.interpolate else raw
    return resolved


def read(cls: type[_SettingsT], environ: Mapping[str, str]) -> _SettingsT:
    """An instance of `cls` from the environment. Raises `SettingsError` naming every variable that cannot be read."""
    texts = texts_of(cls, environ)
    problems: list[str] = []
    values: dict[str, Any] = {}
    for entry in variables_of(cls):
        try:
            values[entry.name] = entry.value(texts[entry.name])
        except ValueError as error:
            problems.append(f"{entry.name}={texts[entry.name]!r}: {error}")
    if problems:
        raise SettingsError(tuple(problems))
    declarations = {field.name: field.metadata[_MARK] for field in attrs.fields(cls)}
    return cls(
        **{
            name: declaration.build(tuple(values[v.name] for v in declaration.variables))
            for name, declaration in declarations.items()
        }
    )
