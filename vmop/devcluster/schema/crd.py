"""Types of custom resources, from the ``openAPIV3Schema`` of a CustomResourceDefinition."""

from vmop.devcluster.schema.builtin import definitions
from vmop.devcluster.schema.types import Manifest, Type

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class _Root(Type):
    """A custom resource: its own schema, with ``apiVersion``, ``kind`` and the metadata of every object."""

    def _child(self, schema: Manifest) -> Type:
        if schema is self.schema.get("properties", {}).get("metadata"):
            return definitions().type(_OBJECT_META)
        return super()._child(schema)


def crd_type(openapi_v3_schema: Manifest) -> Type:
    """Type of one version of a custom resource. The schema must be structural; it is not copied."""
    properties = {
        **openapi_v3_schema.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    return _Root({**openapi_v3_schema, "type": "object", "properties": properties})
