"""The enterprise license in arguments and volumes (01 §5.3, §5.5)."""

from vmop.api.v1beta1 import License
from vmop.builders.args import flag
from vmop.builders.base import Manifest
from vmop.builders.images import is_licensed
from vmop.builders.volumes import SECRETS_DIR, secret_volume

_VOLUME = "license"


def license_args(license_: License | None) -> list[str]:
    """The flags of a license that has a key or refers to one; none without it. A key in the spec stands in the flag."""
    if license_ is None or not is_licensed(license_):
        return []
    reference = license_.key_ref
    return [
        *flag("license", license_.key),
        *flag("licenseFile", f"{SECRETS_DIR}/{reference.name or ''}/{reference.key or ''}" if reference else None),
        *flag("license.forceOffline", license_.force_offline),
        *flag("licenseFile.reloadInterval", license_.reload_interval),
    ]


def license_volumes(license_: License | None) -> list[Manifest]:
    """The volume of the Secret that a license refers to."""
    reference = license_.key_ref if license_ else None
    return [secret_volume(_VOLUME, reference.name or "")] if reference else []


def license_mounts(license_: License | None) -> list[Manifest]:
    """Where that Secret is mounted, as `-licenseFile` has it."""
    reference = license_.key_ref if license_ else None
    path = f"{SECRETS_DIR}/{reference.name or ''}" if reference else ""
    return [{"name": _VOLUME, "mountPath": path, "readOnly": True}] if reference else []
