"""Complete manifests of a VMAuth that uses every kind; its listeners are a worked example of the spec (06 §9.5)."""

from pathlib import Path

import yaml

from tests.unit.builders.recorded import readable
from vmop.api import parse
from vmop.api.v1beta1 import VMAuth
from vmop.builders.vmauth import build_vmauth
from vmop.settings import Settings

HERE = Path(__file__).parent


def test_all_objects_in_writing_order() -> None:
    cr = parse(VMAuth, yaml.safe_load((HERE / "front.cr.yaml").read_text())).object
    built = build_vmauth(cr, Settings(vpa_api_enabled=True, gateway_api_enabled=True))
    assert [readable(manifest) for manifest in built.all()] == list(
        yaml.safe_load_all((HERE / "front.yaml").read_text())
    )
