"""Example manifests say what they are meant to say."""

from pathlib import Path

import pytest
import yaml

from vmop.api import KINDS, parse, validate

EXAMPLES = Path(__file__).parents[3] / "examples"
DOCUMENTS = [
    pytest.param(document, id=f"{file.name}-{document['kind']}-{document['metadata']['name']}")
    for file in sorted(EXAMPLES.glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_an_example_has_known_fields_only_and_is_valid(document: dict[str, object]) -> None:
    (cls,) = (kind for kind in KINDS if kind.kind == document["kind"])
    parsed = parse(cls, document)
    assert (parsed.unknown_fields, list(validate(parsed.object))) == ((), [])
