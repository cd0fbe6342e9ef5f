"""The example that the demo applies."""

from pathlib import Path

import yaml

from vmop.cli.demo import example

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_demo_applies_the_example_of_the_documentation() -> None:
    assert example() == yaml.safe_load((EXAMPLES / "vmdistributed.yaml").read_text())
    assert example() == {
        "apiVersion": "operator.victoriametrics.com/v1alpha1",
        "kind": "VMDistributed",
        "metadata": {"name": "my-distributed-cluster"},
        "spec": {
            "vmauth": {"name": "my-distributed-vmauth", "spec": {"replicaCount": 1}},
            "zoneCommon": {
                "vmagent": {"spec": {"replicaCount": 1}},
                "vmcluster": {
                    "spec": {
                        "vmstorage": {
                            "replicaCount": 1,
                            "storage": {
                                "volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "10Gi"}}}}
                            },
                        },
                        "vmselect": {"replicaCount": 1},
                        "vminsert": {"replicaCount": 1},
                    }
                },
            },
            "zones": [{"name": "zone-a"}, {"name": "zone-b"}],
        },
    }
