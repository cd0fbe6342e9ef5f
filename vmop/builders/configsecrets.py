"""Secrets that hold generated configs, compressed, and copies of what the configs refer to (04 §16, 06 §10)."""

import struct
import zlib
from base64 import b64encode
from collections.abc import Mapping

from vmop.api import CustomResource
from vmop.builders.base import Manifest
from vmop.builders.metadata import object_metadata

GENERATED = "generated"
_GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 0xFF))  # no name, no time, best compression, unknown system


def gzipped(content: bytes) -> bytes:
    """The content compressed; the same content always gives the same bytes."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    return _GZIP_HEADER + body + struct.pack("<LL", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def generated_secret(cr: CustomResource, name: str, labels: Mapping[str, str], data: Mapping[str, bytes]) -> Manifest:
    """A Secret of `cr`. Its only annotation says that it is generated; managed ones are not for it (01 §1.5)."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": object_metadata(cr, name, labels, {GENERATED: "true"}),
        "data": {key: b64encode(data[key]).decode() for key in sorted(data)},
    }
