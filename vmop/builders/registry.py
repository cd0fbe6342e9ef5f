"""Which kind is defaulted by which function. A new kind adds its line here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from vmop.api import CustomResource
from vmop.api.v1alpha1 import VMDistributed
from vmop.api.v1beta1 import VMAgent, VMAuth, VMCluster, VMSingle
from vmop.builders.base import Platform
from vmop.builders.vmagent.defaults import default_vmagent
from vmop.builders.vmauth.defaults import default_vmauth
from vmop.builders.vmcluster.defaults import default_vmcluster
from vmop.builders.vmdistributed.defaults import default_vmdistributed
from vmop.builders.vmsingle.defaults import default_vmsingle
from vmop.settings import Settings

T = TypeVar("T", bound=CustomResource)

DEFAULTERS: Mapping[type[CustomResource], Callable[[Any, Settings, Platform], Any]] = MappingProxyType(
    {
        VMAgent: default_vmagent,
        VMAuth: default_vmauth,
        VMCluster: default_vmcluster,
        VMDistributed: default_vmdistributed,
        VMSingle: default_vmsingle,
    }
)


def with_defaults(cr: T, settings: Settings, platform: Platform | None = None) -> T:
    """The resource with the operator's defaults, in the form in which VMDistributed stores it (02 §6.5).

    Idempotent. A kind without defaults of its own comes back as it is.
    """
    defaulter = DEFAULTERS.get(type(cr))
    if defaulter is None:
        return cr
    result: T = defaulter(cr, settings, platform or Platform())
    return result
