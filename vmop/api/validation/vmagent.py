"""VMAgent (04-vmagent.md 9, in its order)."""

from collections.abc import Iterator

import yaml

from vmop.api.problems import Problem
from vmop.api.v1beta1 import VMAgent, VMAgentSpec
from vmop.api.validation.shared import autoscaler, pre_stop, scrape_classes, service_name, update_behavior, vertical

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_vmagent(cr: VMAgent) -> Iterator[Problem]:
    """Problems of a VMAgent, in the order in which the Go operator looks for them."""
    spec = cr.spec
    yield from service_name(
        "spec.serviceSpec", spec.service_spec, cr.name if spec.use_legacy_naming else f"vmagent-{cr.name}"
    )
    if not spec.remote_write:
        yield Problem("spec.remoteWrite", "spec.remoteWrite cannot be empty array, provide at least one remoteWrite")
    if spec.inline_scrape_config:
        yield from _inline_jobs(spec.inline_scrape_config)
    for index, target in enumerate(spec.remote_write or ()):
        if not target.url:
            yield Problem(f"spec.remoteWrite[{index}].url", f"remoteWrite[{index}].url cannot be empty")
    yield from _modes(spec)
    yield from autoscaler("spec.hpa", spec.hpa)
    yield from vertical("spec.vpa", spec.vpa)
    yield from scrape_classes("spec.scrapeClasses", spec.scrape_classes)
    yield from pre_stop("spec", spec)


def _inline_jobs(text: str) -> Iterator[Problem]:
    """A list of mappings, or one mapping, as YAML; an empty text is no list and passes."""
    path, prefix = "spec.inlineScrapeConfig", "bad cr.spec.inlineScrapeConfig it must be valid yaml: "
    try:
        jobs = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        yield Problem(path, f"{prefix}{problem}")
        return
    items = jobs if isinstance(jobs, list) else [jobs]
    if jobs is not None and not all(isinstance(item, dict) for item in items):
        yield Problem(path, f"{prefix}expected a list of mappings")


def _modes(spec: VMAgentSpec) -> Iterator[Problem]:
    if spec.stateful_mode:
        if spec.daemon_set_mode:
            yield Problem("spec.daemonSetMode", "daemonSetMode and statefulMode cannot be used in the same time")
        name = "statefulRollingUpdateStrategyBehavior"
        behavior = spec.stateful_rolling_update_strategy_behavior
        yield from update_behavior(f"spec.{name}", behavior, f"vmagent.spec.{name}: ")
    if spec.daemon_set_mode:
        excluded = (
            ("hpa", spec.hpa is not None),
            ("vpa", spec.vpa is not None),
            ("podDisruptionBudget", spec.pod_disruption_budget is not None),
            ("enableKubernetesAPISelectors", bool(spec.enable_kubernetes_api_selectors)),
        )
        for name, used in excluded:
            if used:
                yield Problem(f"spec.{name}", f"{name} cannot be used with daemonSetMode")
