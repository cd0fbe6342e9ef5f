"""The JSON paths by which CRDs name columns and replicas."""

import re
from typing import Any

_STEP = re.compile(
    r"\.([A-Za-z0-9_-]+)|\['((?:[^'\\]|\\.)+)'\]|\[(\d+|\*)\]|\[\?\(@\.([\w.]+)==[\"']([^\"']*)[\"']\)\]"
)


def json_path(obj: Any, path: str) -> list[Any]:
    """Values at a simple JSON path (`.status.conditions[?(@.type=="Ready")].status`), as CRD columns use it."""
    found, position = [obj], 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            return []
        position = match.end()
        name, quoted, index, field, wanted = match.groups()
        key = name or (quoted.replace("\\.", ".") if quoted else None)
        step: list[Any] = []
        for value in found:
            if key is not None:
                if isinstance(value, dict) and value.get(key) is not None:
                    step.append(value[key])
            elif isinstance(value, list):
                if index == "*":
                    step += value
                elif index is not None:
                    step += value[int(index) : int(index) + 1]
                else:
                    step += [one for one in value if json_path(one, f".{field}") == [wanted]]
        found = step
    return found
