"""Security contexts of pods and of generated containers from the one flat object of the spec (01 §4.6, §5.10)."""

from vmop.builders.base import Manifest, Platform

_NOBODY = 65534
_FS_GROUP_POLICY_SINCE = (1, 20)

_POD_KEYS = frozenset(
    {
        *("runAsUser", "runAsGroup", "runAsNonRoot", "fsGroup", "fsGroupChangePolicy", "supplementalGroups"),
        *("supplementalGroupsPolicy", "sysctls", "seLinuxOptions", "seLinuxChangePolicy", "windowsOptions"),
        *("seccompProfile", "appArmorProfile"),
    }
)
_CONTAINER_KEYS = frozenset(
    {
        *("privileged", "capabilities", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "procMount"),
        *("runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "appArmorProfile"),
    }
)


def pod_security_context(user: Manifest | None, strict: bool | None, platform: Platform) -> Manifest | None:
    """The pod's part of the user's context, else the strict one, else none."""
    if user is not None:
        return _picked(user, _POD_KEYS) or None
    if not strict:
        return None
    return {
        "runAsNonRoot": True,
        **_identity(platform),
        **fs_group(platform),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context(user: Manifest | None, strict: bool | None, platform: Platform) -> Manifest | None:
    """What generated containers get: the user's keys for containers, `{}` if there are none; or the strict context."""
    if user is not None:
        return _picked(user, _CONTAINER_KEYS)
    if not strict:
        return None
    return {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        **_identity(platform),
    }


def fs_group(platform: Platform) -> Manifest:
    """The group that volumes belong to; OpenShift assigns its own."""
    if platform.openshift:
        return {}
    policy = {"fsGroupChangePolicy": "OnRootMismatch"} if platform.kubernetes >= _FS_GROUP_POLICY_SINCE else {}
    return {"fsGroup": _NOBODY, **policy}


def _identity(platform: Platform) -> Manifest:
    return {} if platform.openshift else {"runAsUser": _NOBODY, "runAsGroup": _NOBODY}


def _picked(user: Manifest, keys: frozenset[str]) -> Manifest:
    return {key: value for key, value in user.items() if key in keys and value is not None}
