"""Complete manifests of whole clusters: worked example and seed of the spec (03 §3.21, §5), and a balanced one."""

from pathlib import Path

import pytest
import yaml

from vmop.api import parse
from vmop.api.v1beta1 import VMCluster
from vmop.builders import build_vmcluster
from vmop.settings import Settings

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["metro", "vmcluster-demo", "balanced"])
def test_all_objects_in_writing_order(name: str) -> None:
    cr = parse(VMCluster, yaml.safe_load((HERE / f"{name}.cr.yaml").read_text())).object
    built = build_vmcluster(cr, Settings(vpa_api_enabled=True))
    assert built.all() == list(yaml.safe_load_all((HERE / f"{name}.yaml").read_text()))
