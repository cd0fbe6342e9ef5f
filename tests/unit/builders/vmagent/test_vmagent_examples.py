"""Complete manifests of whole agents: worked examples of the spec (04 §20.5), and one that uses every kind."""

from pathlib import Path

import pytest
import yaml

from tests.unit.builders.recorded import readable
from vmop.api import parse
from vmop.api.v1beta1 import VMAgent
from vmop.builders.references import Reference, References
from vmop.builders.vmagent import VMAgentInputs, build_vmagent
from vmop.settings import Settings

HERE = Path(__file__).parent
REFERENCES = References({Reference("secret", "mon", "tok"): {"t": b"token\n"}})


@pytest.mark.parametrize("name", ["ingest-only", "credentials", "everything"])
def test_all_objects_in_writing_order(name: str) -> None:
    cr = parse(VMAgent, yaml.safe_load((HERE / f"{name}.cr.yaml").read_text())).object
    built = build_vmagent(cr, Settings(vpa_api_enabled=True), inputs=VMAgentInputs(references=REFERENCES))
    assert [readable(manifest) for manifest in built.all()] == list(
        yaml.safe_load_all((HERE / f"{name}.yaml").read_text())
    )
