"""What importing costs is a promise (DESIGN.md, "Imports are a cost"); each check needs an interpreter of its own."""

import subprocess
import sys


def modules_after(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_client_does_not_import_kubernetes_asyncio() -> None:
    assert not {name for name in modules_after("import vmop.kube") if name.startswith("kubernetes_asyncio")}


def test_an_in_cluster_configuration_does_not_import_kubernetes_asyncio() -> None:
    statement = (
        "import contextlib, vmop.kube as k\nwith contextlib.suppress(k.ConfigError): k.ClientConfig.in_cluster({})"
    )
    assert "kubernetes_asyncio" not in modules_after(f"{statement}\npass")
