"""Write vmop/devcluster/schema/data/builtin.json.gz: what the dev cluster knows of built-in kinds.

Two sources, both of the Kubernetes version that hack/tools pins:

- ``/openapi/v3`` of a running API server: types, required fields, enums, defaults, list and map types, patch
  strategies;
- the Go types behind them: whether a field is a pointer and whether an empty one is left out of JSON, which OpenAPI
  does not say and which decides what the server stores (property extension ``x-go``, letters below).

Usage: ``hack/builtin_schemas.py URL TOKEN`` with the URL of an API server (its certificate is not verified).
"""

import gzip
import json
import re
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "vmop" / "devcluster" / "schema" / "data" / "builtin.json.gz"
GROUP_VERSIONS = (
    "v1",
    "admissionregistration.k8s.io/v1",
    "apiextensions.k8s.io/v1",
    "apps/v1",
    "authentication.k8s.io/v1",
    "authorization.k8s.io/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "networking.k8s.io/v1",
    "policy/v1",
    "rbac.authorization.k8s.io/v1",
    "storage.k8s.io/v1",
)
# OpenAPI name prefix -> Go package below its module.
PACKAGES = {
    "io.k8s.api.": ("k8s.io/api", ""),
    "io.k8s.apimachinery.pkg.apis.meta.": ("k8s.io/apimachinery", "pkg/apis/meta"),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.": (
        "k8s.io/apiextensions-apiserver",
        "pkg/apis/apiextensions",
    ),
}
# Extensions that list every kind of a shared type (DeleteOptions, WatchEvent) say nothing of the type itself.
SHARED = "io.k8s.apimachinery."
STRUCT = re.compile(r"^type (\w+) struct \{$")
FIELD = re.compile(r"^\t(?:(\w+)\s+)?(\*?)([\w.\[\]*]+)\s+`.*?json:\"([^\"]*)\"")


def fetch(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(request, context=context) as response:
        return json.load(response)


def without_prose(node: Any, *, names: bool = False) -> Any:
    """Leave descriptions out; ``names`` tells that the keys of this node are property names, not keywords."""
    match node:
        case dict():
            return {
                key: without_prose(value, names=not names and key in ("properties", "schemas"))
                for key, value in node.items()
                if names or key not in ("description", "externalDocs")
            }
        case list():
            return [without_prose(item) for item in node]
    return node


def go_structs(module: str, package: str) -> dict[str, list[tuple[str, bool, str, str]]]:
    """Struct name -> (field, is pointer, Go type, JSON tag) of every struct of a Go package."""
    directory = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Dir}}", module],
        cwd=ROOT / "hack" / "tools",
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    structs: dict[str, list[tuple[str, bool, str, str]]] = {}
    for source in sorted((Path(directory) / package).glob("*.go")):
        if source.name.endswith("_test.go") or source.name.startswith("zz_generated"):
            continue
        current: list[tuple[str, bool, str, str]] | None = None
        for line in source.read_text().splitlines():
            if found := STRUCT.match(line):
                current = structs.setdefault(found[1], [])
            elif line == "}":
                current = None
            elif current is not None and (field := FIELD.match(line)):
                current.append((field[1] or "", field[2] == "*", field[3], field[4]))
    return structs


def letter(pointer: bool, tag: str) -> str:
    """p pointer, P pointer that is null when absent, v value left out when empty, V value always there, z omitzero."""
    options = tag.split(",")[1:]
    if "omitzero" in options:
        return "z"
    kept = "omitempty" not in options
    return ("P" if kept else "p") if pointer else ("V" if kept else "v")


def add_go_facts(definitions: dict[str, Any]) -> None:
    packages: dict[tuple[str, str], dict[str, list[tuple[str, bool, str, str]]]] = {}

    def fields(go: tuple[str, str], struct: str) -> dict[str, str]:
        structs = packages.setdefault(go, {}) or packages.setdefault(go, {})
        if not structs:
            structs.update(go_structs(*go))
        letters: dict[str, str] = {}
        for _, pointer, go_type, tag in structs.get(struct, ()):
            name = tag.split(",")[0]
            if name:
                letters[name] = letter(pointer, tag)
            elif "." not in go_type:
                letters |= fields(go, go_type)
        return letters

    for name, definition in definitions.items():
        for prefix, (module, base) in PACKAGES.items():
            if not name.startswith(prefix):
                continue
            *parts, struct = name.removeprefix(prefix).split(".")
            letters = fields((module, "/".join([base, *parts]).strip("/")), struct)
            for key, schema in definition.get("properties", {}).items():
                if key not in ("apiVersion", "kind") or key in letters:
                    schema["x-go"] = letters.get(key, "v")


def main() -> None:
    url, token = sys.argv[1:]
    definitions: dict[str, Any] = {}
    for group_version in GROUP_VERSIONS:
        prefix = "api" if "/" not in group_version else "apis"
        document = fetch(f"{url}/openapi/v3/{prefix}/{group_version}", token)
        definitions |= without_prose(document["components"]["schemas"], names=True)
    for name, definition in definitions.items():
        if name.startswith(SHARED):
            definition.pop("x-kubernetes-group-version-kind", None)
    add_go_facts(definitions)
    text = json.dumps(definitions, sort_keys=True, separators=(",", ":")).replace("#/components/schemas/", "")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{OUTPUT.relative_to(ROOT)}: {len(definitions)} types, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
