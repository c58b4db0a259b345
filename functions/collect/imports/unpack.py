"""Body of an import → lines. Every limit is checked while unpacking, so a small bomb never becomes a large one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from shared.errors import BadInput, TooLarge

# Lambda takes 6 MB a call, and API Gateway hands binary bodies over as base64: 4/3 of their size.
MOST_SENT_BYTES = 4_500_000
MOST_INFLATED_BYTES = 20_000_000  # what is read within the function's time
MOST_LINES = 10_000
MOST_LINE_BYTES = 65_536
GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20


def lines_of(body: bytes, content_encoding: str) -> list[tuple[int, bytes]]:
    """Numbered lines (from 1) that hold something. TooLarge over a limit, BadInput when the gzip stream is broken."""
    if len(body) > MOST_SENT_BYTES:
        raise TooLarge(f"an import has at most {MOST_SENT_BYTES} bytes as sent; compress it, or send it in parts")
    if content_encoding not in ("", "identity", "gzip"):
        raise BadInput("content-encoding must be gzip or absent")
    if content_encoding == "gzip" or body.startswith(GZIP_MAGIC):
        body = b"".join(_inflated(body))
    if len(body) > MOST_INFLATED_BYTES:
        raise TooLarge(f"an import has at most {MOST_INFLATED_BYTES} bytes unpacked; send it in parts")
    if body.count(b"\n") > 2 * MOST_LINES:  # empty lines do not count, within reason
        raise TooLarge(f"an import has at most {MOST_LINES} lines; send it in parts")
    lines = body.removeprefix(_BOM).split(b"\n")
    kept = [(number, line) for number, line in enumerate((line.strip() for line in lines), 1) if line]
    if len(kept) > MOST_LINES:
        raise TooLarge(f"an import has at most {MOST_LINES} lines; send it in parts")
    if not kept:
        raise BadInput("the import has no lines")
    return kept


def _inflated(body: bytes) -> Iterator[bytes]:
    """Parts of a gzip stream of one or more members."""
    total, rest = 0, body
    while rest:
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            try:
                part = stream.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise BadInput("the gzip stream is broken") from error
            rest = stream.unconsumed_tail
            total += len(part)
            if total > MOST_INFLATED_BYTES:
                raise TooLarge(f"an import has at most {MOST_INFLATED_BYTES} bytes unpacked; send it in parts")
            if not part and not rest and not stream.eof:
                raise BadInput("the gzip stream ends too early")
            yield part
        rest = stream.unused_data.lstrip(b"\x00")  # some writers pad the end
