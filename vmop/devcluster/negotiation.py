"""In which form an answer is wanted: whole objects, metadata only, or a table; JSON or YAML."""

from typing import Literal, TypeAlias

import attrs

Form: TypeAlias = Literal["object", "metadata", "table"]


@attrs.frozen
class Accepted:
    """What the `Accept` header settles on."""

    form: Form = "object"
    yaml: bool = False
    aggregated: bool = False  # aggregated discovery is understood


def parse_accept(header: str) -> Accepted | None:
    """The first alternative that this server can give; None when it can give none of them."""
    if not header:
        return Accepted()
    for alternative in header.split(","):
        media, *parameters = (part.strip() for part in alternative.split(";"))
        options = dict(part.partition("=")[::2] for part in parameters)
        if media == "application/yaml":
            return Accepted(yaml=True)
        if media not in ("application/json", "application/*", "*/*"):
            continue
        match options.get("as"):
            case None:
                return Accepted()
            case "Table":
                return Accepted(form="table")
            case "PartialObjectMetadata" | "PartialObjectMetadataList":
                return Accepted(form="metadata")
            case "APIGroupDiscoveryList" if options.get("v") == "v2":
                return Accepted(aggregated=True)
    return None
