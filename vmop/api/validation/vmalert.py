"""VMAlert (07-vmalert-alertmanager.md A12, in its order)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from vmop.api.problems import Problem
from vmop.api.v1beta1 import Notifier, VMAlert, VMAlertSpec
from vmop.api.validation.shared import pre_stop, service_name, vertical

BLACKHOLE = "notifier.blackhole"


def check_vmalert(cr: VMAlert) -> Iterator[Problem]:
    """Problems of a VMAlert, in the order in which the Go operator looks for them."""
    spec = cr.spec
    name = cr.name if spec.use_legacy_naming else f"vmalert-{cr.name}"
    yield from service_name("spec.serviceSpec", spec.service_spec, name)
    if spec.datasource is None or not spec.datasource.url:
        yield Problem("spec.datasource.url", "spec.datasource.url cannot be empty")
    yield from _notifiers(spec)
    yield from vertical("spec.vpa", spec.vpa)
    yield from pre_stop("spec", spec)


def _notifiers(spec: VMAlertSpec) -> Iterator[Problem]:
    given = spec.notifier is not None or bool(spec.notifiers)
    if BLACKHOLE in (spec.extra_args or {}) and (given or spec.notifier_config_ref):
        yield Problem(
            f"spec.extraArgs.{BLACKHOLE}",
            "notifier.blackhole and spec.notifier or spec.notifiers or spec.notifier.notifierConfigRef cannot be used "
            "at the same time, provide at most one setting",
        )
    if given and spec.notifier_config_ref:
        yield Problem(
            "spec.notifierConfigRef",
            "spec.notifiers and spec.notifier.notifierConfigRef cannot be used at the same time, "
            "provide at most one setting",
        )
    if spec.notifier is not None:
        yield from _notifier("spec.notifier", spec.notifier, "incorrect cr.spec.notifier syntax: ")
    for index, each in enumerate(spec.notifiers or ()):
        prefix = f"incorrect cr.spec.notifiers idx={index} syntax: "
        yield from _notifier(f"spec.notifiers[{index}]", each, prefix)


def _notifier(path: str, notifier: Notifier, prefix: str) -> Iterator[Problem]:
    if not notifier.url and notifier.selector is None:
        yield Problem(
            path,
            f"{prefix}notifier.url and notifier.selector cannot be empty at the same time, "
            "provide at least one setting",
        )
    if notifier.url:
        try:
            _ = urlsplit(notifier.url).port
        except ValueError as error:
            yield Problem(f"{path}.url", f'{prefix}incorrect notifier.url syntax: "{notifier.url}": {error}')
