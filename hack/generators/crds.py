"""`config/crd`: the CustomResourceDefinitions, one a file."""

from hack.generators.output import Files, kustomization, yaml_documents
from vmop.api import KINDS, crd


def crds() -> Files:
    files = {f"{kind.group}_{kind.plural}.yaml": yaml_documents("vmop/api", crd(kind)) for kind in KINDS}
    yield from files.items()
    yield kustomization("vmop/api", *files)
