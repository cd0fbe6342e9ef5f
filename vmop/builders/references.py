"""Contents of Secrets and ConfigMaps that a resource refers to, handed to builders as values."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from vmop.api.v1beta1 import KeySelector, SecretOrConfigMap, TLSConfig
from vmop.builders.base import BuildError

Source: TypeAlias = Literal["secret", "configmap"]


class MissingReference(BuildError):
    """Another object that this resource refers to is not there, or lacks a key.

    Not terminal: it may come. A reconciler tries again, and when that object changes.
    """


@attrs.frozen(order=True)
class Reference:
    """A Secret or ConfigMap, by its place."""

    source: Source
    namespace: str
    name: str


@attrs.frozen
class References:
    """What is known of referenced objects; those that are not in `contents` do not exist.

    `trims` says that white space at the end of values does not count (`-disableSecretKeySpaceTrim` turns it off).
    """

    contents: Mapping[Reference, Mapping[str, bytes]] = attrs.field(factory=dict, repr=False)
    trims: bool = True

    def value(self, reference: Reference, key: str, path: str) -> bytes:
        """The value under `key`. Raises `MissingReference` naming the object but no content; `path` refers to it."""
        source, namespace, name = reference.source, reference.namespace, reference.name
        content = self.contents.get(reference)
        if content is None:
            plural = {"secret": "secrets", "configmap": "configmaps"}[source]
            missing = f'unable to fetch {source}="{name}", ns="{namespace}": {plural} "{name}" not found'
            raise MissingReference(path, missing)
        if key not in content:
            missing = f'expected key="{key}" was not found at object="{source}/{namespace}/{name}"'
            raise MissingReference(path, missing)
        return content[key].rstrip() if self.trims else content[key]

    def text(self, reference: Reference, key: str, path: str) -> str:
        """The value as text."""
        return self.value(reference, key, path).decode(errors="replace")


def secret(namespace: str, selector: KeySelector) -> Reference:
    return Reference("secret", namespace, selector.name or "")


def config_map(namespace: str, selector: KeySelector) -> Reference:
    return Reference("configmap", namespace, selector.name or "")


def asset_name(reference: Reference, key: str) -> str:
    """The file name of a value that is copied into a generated Secret."""
    middle = "configmap_" if reference.source == "configmap" else ""
    return f"{reference.namespace}_{middle}{reference.name}_{key}"


@attrs.frozen
class Asset:
    """A value that a component reads from a file: where it comes from. `label` is its field in messages."""

    label: str
    reference: Reference
    key: str

    @property
    def file_name(self) -> str:
        return asset_name(self.reference, self.key)


def tls_assets(tls: TLSConfig | None, namespace: str) -> dict[str, Asset]:
    """The parts of a TLS config that are given by reference: `ca`, `cert`, `keySecret`. A file path of a part wins."""
    if tls is None:
        return {}
    return dict(_tls_assets(tls, namespace))


def _tls_assets(tls: TLSConfig, namespace: str) -> Iterator[tuple[str, Asset]]:
    for label, part, path in (("ca", tls.ca, tls.ca_file), ("cert", tls.cert, tls.cert_file)):
        found = None if path else either(part, namespace)
        if found is not None:
            yield label, Asset(label, *found)
    if tls.key_secret is not None and tls.key_secret.name and not tls.key_file:
        yield "keySecret", Asset("keySecret", secret(namespace, tls.key_secret), tls.key_secret.key or "")


def either(part: SecretOrConfigMap | None, namespace: str) -> tuple[Reference, str] | None:
    """Object and key of a value from a Secret or a ConfigMap; None where none is named."""
    if part is None:
        return None
    if part.secret is not None and part.secret.name:
        return secret(namespace, part.secret), part.secret.key or ""
    if part.config_map is not None and part.config_map.name:
        return config_map(namespace, part.config_map), part.config_map.key or ""
    return None
