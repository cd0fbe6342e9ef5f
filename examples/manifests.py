"""The manifests that a VMCluster stands for, without any cluster: builders are pure functions.

``python examples/manifests.py FILE`` prints them as YAML; without a file those of the VMCluster below. Good for a look
before an upgrade, for tests of your own manifests, or for a GitOps repository.
"""

import sys
from pathlib import Path

import yaml

from vmop.api import Manifest, parse
from vmop.api.v1beta1 import VMCluster
from vmop.builders import build_vmcluster
from vmop.settings import Settings

EXAMPLE = """
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata: {name: main, namespace: monitoring}
spec:
  retentionPeriod: 30d
  replicationFactor: 2
  vmstorage: {replicaCount: 2}
  vmselect: {replicaCount: 2}
  vminsert: {replicaCount: 2}
"""


def manifests(cluster: Manifest, settings: Settings) -> list[Manifest]:
    """Everything the operator would apply for a VMCluster, in its order; ill-typed fields raise SpecError.

    References to the owner are left out: there is none without a cluster.
    """
    built = build_vmcluster(parse(VMCluster, cluster).object, settings).all()
    for manifest in built:
        del manifest["metadata"]["ownerReferences"]
    return built


def main(words: list[str]) -> None:
    text = Path(words[0]).read_text(encoding="utf-8") if words else EXAMPLE
    print(yaml.safe_dump_all(manifests(yaml.safe_load(text), Settings()), sort_keys=False), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
