"""What types cannot express: checks of whole objects, as functions from an object to a list of problems.

The messages are those of the Go operator, word for word, because people search for them; the path beside a message is
ours. Problems come in the order of the specs, so the first one is what the Go operator would report alone. Webhook,
reconcilers and `vmop validate` use the same functions.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vmop.api.kinds import CustomResource
from vmop.api.problems import Problem
from vmop.api.validation.scrapes import check_selector, check_vmprobe
from vmop.api.validation.vmagent import check_vmagent
from vmop.api.validation.vmalert import check_vmalert
from vmop.api.validation.vmalertmanager import check_vmalertmanager
from vmop.api.validation.vmalertmanagerconfig import check_vmalertmanagerconfig
from vmop.api.validation.vmauth import check_vmauth
from vmop.api.validation.vmcluster import check_vmcluster
from vmop.api.validation.vmdistributed import check_vmdistributed
from vmop.api.validation.vmrule import check_vmrule
from vmop.api.validation.vmsingle import check_vmsingle
from vmop.api.validation.vmuser import check_vmuser

SKIP_ANNOTATION = "operator.victoriametrics.com/skip-validation"

_CHECKS: Mapping[str, Callable[[Any], Iterator[Problem]]] = {
    "VMAgent": check_vmagent,
    "VMAlert": check_vmalert,
    "VMAlertmanager": check_vmalertmanager,
    "VMAlertmanagerConfig": check_vmalertmanagerconfig,
    "VMAuth": check_vmauth,
    "VMCluster": check_vmcluster,
    "VMDistributed": check_vmdistributed,
    "VMNodeScrape": check_selector,
    "VMPodScrape": check_selector,
    "VMProbe": check_vmprobe,
    "VMRule": check_vmrule,
    "VMServiceScrape": check_selector,
    "VMSingle": check_vmsingle,
    "VMUser": check_vmuser,
}


def validate(obj: CustomResource) -> list[Problem]:
    """The problems of an object, none if it is valid or carries the annotation that skips validation."""
    if skips_validation(obj):
        return []
    check = _CHECKS.get(obj.kind)
    return list(check(obj)) if check else []


def skips_validation(obj: CustomResource) -> bool:
    """Whether the object's annotation asks not to be validated (01-common.md 1.5)."""
    if not obj.may_skip_validation:
        return False
    annotations = obj.metadata.get("annotations") or {}
    return bool(annotations.get(SKIP_ANNOTATION) == "true")


__all__ = ["SKIP_ANNOTATION", "skips_validation", "validate"]
