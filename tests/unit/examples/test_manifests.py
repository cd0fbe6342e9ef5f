"""The third embedding example: builders alone."""

import subprocess
import sys
from pathlib import Path

import yaml

from examples.manifests import EXAMPLE, manifests
from vmop.settings import Settings

ROOT = Path(__file__).parents[3]


def names(built: list[dict[str, object]]) -> list[str]:
    return [f"{manifest['kind']} {manifest['metadata']['name']}" for manifest in built]  # type: ignore[index] # plain JSON


EXPECTED = [
    "ServiceAccount vmcluster-main",
    "StatefulSet vmstorage-main",
    "Service vmstorage-main",
    "VMServiceScrape vmstorage-main",
    "StatefulSet vmselect-main",
    "Service vmselect-main",
    "VMServiceScrape vmselect-main",
    "Deployment vminsert-main",
    "Service vminsert-main",
    "VMServiceScrape vminsert-main",
]


def test_a_cluster_gives_its_objects_in_the_order_of_writing() -> None:
    assert names(manifests(yaml.safe_load(EXAMPLE), Settings())) == EXPECTED


def test_settings_of_the_operator_count() -> None:
    settings = Settings.from_env({"VM_VMCLUSTERDEFAULT_VMINSERTDEFAULT_VERSION": "v1.2.3-cluster"})
    built = manifests(yaml.safe_load(EXAMPLE), settings)
    (container,) = built[7]["spec"]["template"]["spec"]["containers"]
    assert container["image"].rpartition(":")[2] == "v1.2.3-cluster"


def test_the_program_prints_the_manifests_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(EXAMPLE.replace("main", "other"))
    command = [sys.executable, "-m", "examples.manifests", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert names(list(yaml.safe_load_all(done.stdout))) == [name.replace("main", "other") for name in EXPECTED]
