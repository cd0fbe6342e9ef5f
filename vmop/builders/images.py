"""Which image a container runs: repository, tag, enterprise suffix, digest and registry (01 §5.1)."""

import re

from vmop.api.v1beta1 import License

_DIGEST = re.compile(r"[a-zA-Z0-9\-_+.]+:[a-fA-F0-9]{32,}")


def is_licensed(license_: License | None) -> bool:
    """A license is provided by a key or a reference to one."""
    return license_ is not None and bool(license_.key or license_.key_ref)


def enterprise_tag(tag: str) -> str:
    """The tag of the enterprise build: `v1.2.3` → `v1.2.3-enterprise`; tags of any other form stay as they are."""
    if not tag.startswith("v") or tag.count(".") != 2 or "@" in tag:
        return tag
    version, dash, suffix = tag.partition("-")
    match suffix:
        case "" if not dash:
            return f"{tag}-enterprise"
        case "cluster":
            return f"{version}-enterprise-cluster"
        case _:
            return tag


def with_registry(image: str, registry: str) -> str:
    """`<registry>/<image>` for an image of fewer than two slashes; one that has the prefix already stays (02 T13)."""
    if not registry or image.count("/") >= 2:
        return image
    prefix = registry.removesuffix("/") + "/"
    return image if image.startswith(prefix) else prefix + image


def image_reference(repository: str, tag: str) -> str:
    """`repository:tag`, or `repository@tag` where the tag is a digest."""
    return f"{repository}@{tag}" if _DIGEST.fullmatch(tag) else f"{repository}:{tag}"
