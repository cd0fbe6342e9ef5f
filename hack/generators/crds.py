"""`config/crd`: the CustomResourceDefinitions, one a file."""

from hack.generators.output import Files, yaml_documents
from vmop.api import KINDS, crd


def crds() -> Files:
    for kind in KINDS:
        yield f"{kind.group}_{kind.plural}.yaml", yaml_documents("vmop/api", crd(kind))
