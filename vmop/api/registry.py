"""All kinds, by name."""

from vmop.api import v1alpha1, v1beta1
from vmop.api.kinds import CustomResource

KINDS: tuple[type[CustomResource], ...] = tuple(
    sorted(
        (
            v1beta1.VMAgent,
            v1beta1.VMAlert,
            v1beta1.VMAlertmanager,
            v1beta1.VMAlertmanagerConfig,
            v1beta1.VMAuth,
            v1beta1.VMCluster,
            v1beta1.VMNodeScrape,
            v1beta1.VMPodScrape,
            v1beta1.VMProbe,
            v1beta1.VMRule,
            v1beta1.VMScrapeConfig,
            v1beta1.VMServiceScrape,
            v1beta1.VMSingle,
            v1beta1.VMStaticScrape,
            v1beta1.VMUser,
            v1alpha1.VMDistributed,
        ),
        key=lambda cls: cls.kind,
    )
)


def kind_of(api_version: str, kind: str) -> type[CustomResource] | None:
    """The class of a manifest's `apiVersion` and `kind`; None if it is none of ours."""
    return next((cls for cls in KINDS if (cls.api_version(), cls.kind) == (api_version, kind)), None)
