"""Targets and options of vmauth's users (06-vmauth-vmuser.md 6.2, 6.3), shared by VMAuth and VMUser."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from vmop.api.fields import StringOrList
from vmop.api.problems import Problem
from vmop.api.syntax import header, target_url
from vmop.api.v1beta1 import CRDRef, StaticRef, TargetRef, URLMap, UserOptions
from vmop.api.validation.shared import tls_config

METRIC_LABEL = "^[a-zA-Z_:.][a-zA-Z0-9_:.]*$"


def messages_of(check: Callable[[str], None], values: Sequence[str] | None) -> Iterator[str]:
    """What a check of the syntax module says about each value."""
    for value in values or ():
        try:
            check(value)
        except ValueError as error:
            yield str(error)


def as_list(value: StringOrList | None) -> list[str]:
    """A string, or several, as a list; an empty string is none."""
    if isinstance(value, str):
        return [value] if value else []
    return value or []


def target_ref(path: str, ref: TargetRef, *, default: bool = False, own_retries: bool = False) -> Iterator[Problem]:
    """Check one target. `default`: it is one of a VMAuth's named targets; `own_retries`: its user retries by itself."""
    if default and not ref.name:
        yield Problem(f"{path}.name", "default targetRef items should contain name")
    found = [name for name, part in (("crd", ref.crd), ("static", ref.static)) if part is not None]
    if not ref.name and len(found) != 1:
        yield Problem(
            path,
            "targetRef validation failed, exactly one of `crd` or `static` must be configured if `name` is not set, "
            f"found: [{','.join(found)}]",
        )
    elif len(found) == 2:
        yield Problem(path, "targetRef validation failed, both `crd` and `static` cannot be configured")
    if ref.static is not None:
        yield from _static(f"{path}.static", ref.static)
    if ref.crd is not None:
        yield from _crd(f"{path}.crd", ref.crd)
    for message in messages_of(header, ref.response_headers):
        yield Problem(f"{path}.response_headers", f"failed to parse targetRef response headers: {message}")
    for message in messages_of(header, ref.headers):
        yield Problem(f"{path}.headers", f"failed to parse targetRef headers: {message}")
    if own_retries and ref.retry_status_codes:
        yield Problem(f"{path}.retry_status_codes", "retry_status_codes already set at global spec level")


def _static(path: str, static: StaticRef) -> Iterator[Problem]:
    if not static.url and not static.urls:
        yield Problem(path, "for targetRef.static url or urls option must be set")
    if static.url:
        for message in messages_of(target_url, [static.url]):
            yield Problem(f"{path}.url", f"incorrect static.url: {message}")
    for message in messages_of(target_url, static.urls):
        yield Problem(f"{path}.urls", f"incorrect value at static.urls: {message}")


def _crd(path: str, crd: CRDRef) -> Iterator[Problem]:
    if not crd.objects and not (crd.name and crd.namespace):
        yield Problem(path, "crd.name and crd.namespace cannot be empty")
    for index, each in enumerate(crd.objects or ()):
        if not each.name or not each.namespace:
            message = f"crd.objects[{index}].name and crd.objects[{index}].namespace cannot be empty"
            yield Problem(f"{path}.objects[{index}]", message)


def url_map(path: str, item: URLMap, prefix: str) -> Iterator[Problem]:
    if not (item.src_paths or item.src_hosts or item.src_query_args or item.src_headers):
        yield Problem(
            path,
            f"{prefix}incorrect url_map config at least of one src_paths,src_hosts,src_query_args or src_headers "
            "must be defined",
        )
    urls = as_list(item.url_prefix)
    if not urls:
        yield Problem(f"{path}.url_prefix", f"{prefix}url_prefix cannot be empty for url_map")
    for index, url in enumerate(urls):
        for message in messages_of(target_url, [url]):
            yield Problem(f"{path}.url_prefix", f'{prefix}incorrect url_prefix="{url}" at idx: {index}: {message}')


def user_options(path: str, options: UserOptions, prefix: str) -> Iterator[Problem]:
    for url in options.default_url or ():
        for message in messages_of(target_url, [url]):
            yield Problem(f"{path}.default_url", f'{prefix}unexpected spec.default_url="{url}": {message}')
    for message in tls_config(options.tls_config):
        yield Problem(f"{path}.tlsConfig", f"{prefix}{message}")
    for name, values in (("headers", options.headers), ("response_headers", options.response_headers)):
        for message in messages_of(header, values):
            yield Problem(f"{path}.{name}", f"{prefix}incorrect '{name}' syntax: {message}")


def metric_labels(path: str, labels: Mapping[str, str] | None, what: str) -> Iterator[Problem]:
    """`what` is the beginning of the message up to the name of the label."""
    for name in labels or {}:
        if not re.fullmatch(METRIC_LABEL, name):
            yield Problem(f"{path}.{name}", f'{what}="{name}", must match pattern="{METRIC_LABEL}"')
