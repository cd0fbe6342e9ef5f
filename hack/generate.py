"""Write the files that are derived from the code: `make generate`.

With `--check` nothing is written: stale files are named and the exit code is 1 if there are any, which is how CI finds
them. What each generator writes is in `hack/generators`; the output depends on nothing but the code.
"""

import sys

from hack.generators.apidocs import api_docs
from hack.generators.crds import crds
from hack.generators.output import ROOT, Generator
from hack.generators.rbac import rbac
from hack.generators.settingsdocs import environment_docs, flag_docs

GENERATORS = (
    Generator("CRDs", "config/crd", "*", crds),
    Generator("RBAC", "config/rbac", "*", rbac),
    Generator("API reference", "docs", "api.md", api_docs),
    Generator("environment", "docs", "environment.md", environment_docs),
    Generator("flags", "docs", "flags.md", flag_docs),
)


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        stale = [path for generator in GENERATORS for path in generator.stale(ROOT)]
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}", file=sys.stderr)
        if stale:
            print("run 'make generate' and commit the result", file=sys.stderr)
        return 1 if stale else 0
    for generator in GENERATORS:
        print(f"{generator.name}: {generator.write(ROOT):,} bytes in {generator.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
