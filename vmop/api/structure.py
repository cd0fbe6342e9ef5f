"""From manifests to objects and back: strict about types, tolerant of unknown fields.

`parse` structures a manifest with cattrs. A value of a wrong type fails the whole object with the path of every such
field, what is expected there and what was found: never the value itself, which may be a password. Unknown fields
reach us only where the schema preserves them; they are reported beside the object and otherwise left out
(01-common.md 3.6). `to_json` is the way back: only what was set, in the order of declaration.
"""

import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.errors import AttributeValidationNote, ForbiddenExtraKeysError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from vmop.api.fields import SERVICE_SCRAPE_SPEC, Field, IntOrString, Manifest, StringOrList, fields_of
from vmop.api.kinds import CustomResource
from vmop.api.kubernetes import mismatches, unknown_fields, with_known_fields
from vmop.api.problems import Problem
from vmop.api.syntax import go_duration

T = TypeVar("T", bound=CustomResource)
Hook = Callable[[Any, Any], Any]


class SpecError(Exception):
    """The spec does not fit its types; nothing can be done with the object until its owner changes it (terminal)."""

    def __init__(self, kind: str, problems: tuple[Problem, ...]) -> None:
        self.kind = kind
        self.problems = problems
        super().__init__(f"cannot parse {kind}Spec: {'; '.join(map(str, problems))}")


@attrs.frozen
class Parsed(Generic[T]):
    """An object, and the paths of the fields in its manifest that its kind does not know."""

    object: T
    unknown_fields: tuple[str, ...] = ()


def parse(cls: type[T], manifest: Manifest) -> Parsed[T]:
    """Structure a manifest of one kind. Raises SpecError listing every ill-typed field."""
    unknown: list[str] = [key for key in manifest if key not in ("apiVersion", "kind", "metadata", "spec", "status")]
    problems: list[Problem] = []
    metadata, status = manifest.get("metadata") or {}, manifest.get("status") or {}
    for key, value in (("metadata", metadata), ("status", status)):
        if type(value) is not dict:
            problems.append(Problem(key, f"expected object, got {json_type(value)}"))
    spec_type, raw = cls.spec_type(), manifest.get("spec")
    spec: Any = None
    try:
        spec = _converter(True).structure({} if raw is None else raw, spec_type)
    except (ClassValidationError, Mismatch) as error:
        for path, leaf in _leaves(error, "spec"):
            if isinstance(leaf, ForbiddenExtraKeysError):
                unknown.extend(f"{path}.{name}" for name in sorted(leaf.extra_fields))
            else:
                problems.append(Problem(path, str(leaf)))
        if not problems:
            spec = _converter(False).structure(raw, spec_type)
    if problems:
        raise SpecError(cls.kind, tuple(problems))
    return Parsed(cls.make(metadata, spec, status), tuple(unknown))


def parse_spec(cls: type[Any], value: Any, path: str = "spec") -> Any:
    """Structure a part of a spec (a class of this package), ignoring what it does not know.

    Raises SpecError with paths under `path`; its `kind` is the class's name without `Spec`.
    """
    try:
        return _converter(False).structure({} if value is None else value, cls)
    except (ClassValidationError, Mismatch) as error:
        problems = tuple(Problem(where, str(leaf)) for where, leaf in _leaves(error, path))
        raise SpecError(cls.__name__.removesuffix("Spec"), problems) from None


def to_json(obj: Any) -> Manifest:
    """The manifest of an object, or of a part of one: only what was set, keys in the order of declaration.

    Parts that are plain JSON are shared with the object, not copied.
    """
    if isinstance(obj, CustomResource):
        manifest: Manifest = {"apiVersion": obj.api_version(), "kind": obj.kind, "metadata": obj.metadata}
        manifest["spec"] = _converter(True).unstructure(obj.spec)
        if obj.status:
            manifest["status"] = obj.status
        return manifest
    part: Manifest = _converter(True).unstructure(obj)
    return part


def json_type(value: Any) -> str:
    """The JSON name of a value's type, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


class Mismatch(Exception):
    """A value has another type than its field."""

    def __init__(self, expected: str, found: Any) -> None:
        super().__init__(f"expected {expected}, got {json_type(found)}")


def _leaves(error: BaseException, path: str) -> Iterator[tuple[str, BaseException]]:
    match error:
        case ClassValidationError(exceptions=inner, cl=cls):
            names = {f.attribute: f.spec.json for f in fields_of(cls)}
            for each in inner:
                yield from _leaves(each, _extend(path, each, names))
        case IterableValidationError(exceptions=inner):
            for each in inner:
                yield from _leaves(each, _extend(path, each, {}))
        case _:
            yield path, error


def _extend(path: str, error: BaseException, names: dict[str, str]) -> str:
    for note in getattr(error, "__notes__", ()):
        match note:
            case _Below():
                return f"{path}{note}"
            case AttributeValidationNote(name=name):
                return f"{path}.{names.get(name, name)}"
            case IterableValidationNote(index=int(index)):
                return f"{path}[{index}]"
            case IterableValidationNote(index=key):
                return f"{path}.{key}"
    return path


# One hook for each shape of type. All of them are strict: cattrs' own would turn "3" into 3 and a string into a list.


def _scalar(expected: str, *accepted: type) -> Hook:
    def structure(value: Any, _: Any) -> Any:
        if type(value) not in accepted:
            raise Mismatch(expected, value)
        return value

    return structure


def _string_or_list(value: Any, _: Any) -> Any:
    if type(value) is str or (type(value) is list and all(type(item) is str for item in value)):
        return value
    raise Mismatch("string or array of strings", value)


def _special(converter: Converter, declared: Field, *, strict: bool) -> Hook | None:
    """The hook of a field whose type does not say it all."""
    if declared.spec.kube == SERVICE_SCRAPE_SPEC:
        return _scrape_spec(converter)
    if declared.spec.kube:
        return _embedded(converter, declared, strict=strict)
    return _duration if declared.spec.duration else None


def _duration(value: Any, _: Any) -> Any:
    if value is None:
        return None
    if type(value) is not str:
        raise Mismatch("string", value)
    try:
        go_duration(value)
    except ValueError:
        raise Mismatch("duration such as 90s, 1m30s or 1.5h", value) from None
    return value


def _scrape_spec(converter: Converter) -> Hook:
    """Plain JSON that must be a spec of our own."""

    def structure(value: Any, _: Any) -> Any:
        if value is not None:
            converter.structure(value, _service_scrape_spec())
        return value

    return structure


def _embedded(converter: Converter, declared: Field, *, strict: bool) -> Hook:
    """Plain JSON whose types and fields a schema knows; unknown fields are left out, or an error of the strict one."""
    outer = converter.get_structure_hook(declared.type)
    is_list, name = list in _origins(declared.type), declared.spec.kube

    def structure(value: Any, cl: Any) -> Any:
        outer(value, cl)
        errors = []
        for index, each in enumerate((value or ()) if is_list else (value,)):
            found: list[tuple[str, Exception]]
            found = [(path, Mismatch(expected, other)) for path, expected, other in mismatches(name, each)]
            if strict and not found:
                found = [
                    (at, ForbiddenExtraKeysError("unknown", dict, {key})) for at, key in unknown_fields(name, each)
                ]
            for path, error in found:
                error.add_note(_Below(f"[{index}]{path}" if is_list else path))
                errors.append(error)
        if errors:
            raise IterableValidationError("ill-typed parts", errors, cl)
        if is_list and value:
            return [with_known_fields(name, each) for each in value]
        return with_known_fields(name, value)

    return structure


class _Below(str):
    """A note that says where below its field an error is."""

    __slots__ = ()


def _service_scrape_spec() -> type:
    from vmop.api.v1beta1.vmservicescrape import VMServiceScrapeSpec  # noqa: PLC0415 (it is built on this module)

    return VMServiceScrapeSpec


def _optional(converter: Converter) -> Callable[[Any], Hook]:
    def factory(cl: Any) -> Hook:
        members = [arg for arg in get_args(cl) if arg is not types.NoneType]
        inner: Any = Union[tuple(members)]  # noqa: UP007 (made at run time)
        structure = converter.get_structure_hook(inner)
        return lambda value, _: None if value is None else structure(value, inner)

    return factory


def _list(converter: Converter) -> Callable[[Any], Hook]:
    def factory(cl: Any) -> Hook:
        [inner] = get_args(cl)
        item = converter.get_structure_hook(inner)

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not list:
                raise Mismatch("array", value)
            return _collect(list, enumerate(value), item, inner, cl)

        return structure

    return factory


def _map(converter: Converter) -> Callable[[Any], Hook]:
    def factory(cl: Any) -> Hook:
        _, inner = get_args(cl)
        item = converter.get_structure_hook(inner)

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not dict:
                raise Mismatch("object", value)
            if inner is Any:
                return value
            values = _collect(list, value.items(), item, inner, cl)
            return dict(zip(value, values, strict=True))

        return structure

    return factory


def _collect(into: Callable[[Any], Any], pairs: Any, item: Hook, inner: Any, cl: Any) -> Any:
    done, errors = [], []
    for at, each in pairs:
        try:
            done.append(item(each, inner))
        except Exception as error:  # noqa: BLE001 (collected, as cattrs does, and raised together below)
            error.add_note(IterableValidationNote(f"at {at}", at, inner))
            errors.append(error)
    if errors:
        raise IterableValidationError("ill-typed items", errors, cl)
    return into(done)


def _is_a(origin: type) -> Callable[[Any], bool]:
    return lambda cl: get_origin(cl) == origin


def _is_optional(cl: Any) -> bool:
    return get_origin(cl) in (Union, types.UnionType) and types.NoneType in get_args(cl)


def _origins(cl: Any) -> set[Any]:
    return {get_origin(arg) for arg in get_args(cl)} if _is_optional(cl) else {get_origin(cl)}


def _is_exactly(plain: Any) -> Callable[[Any], bool]:
    return lambda cl: bool(cl == plain)


@cache
def _converter(strict: bool) -> Converter:
    """The converter whose hooks are made once a class; the strict one also refuses unknown fields."""
    converter = Converter(omit_if_default=True, detailed_validation=True)

    def structure_class(cls: type) -> Hook:
        declared = fields_of(cls)
        renames: dict[str, Any] = {
            f.attribute: override(rename=f.spec.json, struct_hook=_special(converter, f, strict=strict))
            for f in declared
        }
        inner: Hook = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=strict, **renames)
        aliases = tuple((alias, f.spec.json) for f in declared for alias in f.spec.aliases)

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not dict:
                raise Mismatch("object", value)
            if aliases and any(alias in value for alias, _ in aliases):
                value = _without_aliases(value, aliases)
            return inner(value, cls)

        return structure

    def unstructure_class(cls: type) -> Callable[[Any], Any]:
        renames: dict[str, Any] = {f.attribute: override(rename=f.spec.json) for f in fields_of(cls)}
        return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **renames)

    converter.register_structure_hook_factory(attrs.has, structure_class)
    converter.register_unstructure_hook_factory(attrs.has, unstructure_class)
    converter.register_structure_hook_factory(_is_a(list), _list(converter))
    converter.register_structure_hook_factory(_is_a(dict), _map(converter))
    converter.register_structure_hook_factory(_is_optional, _optional(converter))
    for union, hook in ((IntOrString, _scalar("integer or string", int, str)), (StringOrList, _string_or_list)):
        converter.register_structure_hook_func(_is_exactly(union), hook)
    converter.register_structure_hook_func(lambda cl: cl is Any, lambda value, _: value)
    converter.register_structure_hook(int, _scalar("integer", int))
    converter.register_structure_hook(float, _scalar("number", float, int))
    converter.register_structure_hook(str, _scalar("string", str))
    converter.register_structure_hook(bool, _scalar("boolean", bool))
    for plain in (Any, Manifest, IntOrString, StringOrList):
        converter.register_unstructure_hook_func(_is_exactly(plain), _as_is)
    return converter


def _as_is(value: Any) -> Any:
    return value


def _without_aliases(value: Manifest, aliases: tuple[tuple[str, str], ...]) -> Manifest:
    value = dict(value)
    for alias, name in aliases:
        if alias in value:
            other = value.pop(alias)
            if not value.get(name):
                value[name] = other
    return value
