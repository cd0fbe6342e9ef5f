"""Complete manifests: worked example and seed of the spec (03 §4.15, §5), and a node that uses everything."""

from pathlib import Path

import pytest
import yaml

from tests.unit.builders.recorded import readable
from vmop.api import parse
from vmop.api.v1beta1 import VMSingle
from vmop.builders.base import Platform
from vmop.builders.references import Reference, References
from vmop.builders.vmsingle import VMSingleInputs, build_vmsingle
from vmop.settings import Settings

HERE = Path(__file__).parent
RULES = {"r": b"- {action: labeldrop, regex: x}\n\n", "s": b"- {interval: 5m, outputs: [total]}\n"}
INPUTS = VMSingleInputs(
    references=References({Reference("configmap", "mon", "rules"): RULES}), scrape_config="scrape_configs: []\n"
)


@pytest.mark.parametrize(("name", "openshift"), [("attic", False), ("seed", False), ("everything", True)])
def test_all_objects_in_writing_order(name: str, openshift: bool) -> None:
    cr = parse(VMSingle, yaml.safe_load((HERE / f"{name}.cr.yaml").read_text())).object
    settings = Settings(vpa_api_enabled=True, common_labels={"fleet": "one"} if openshift else {})
    built = build_vmsingle(cr, settings, Platform(openshift=openshift), INPUTS)
    assert [readable(manifest) for manifest in built.all()] == list(
        yaml.safe_load_all((HERE / f"{name}.yaml").read_text())
    )
