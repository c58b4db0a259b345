"""A fetched recording → what a browser plays. Only types of this file's own wording go out, whatever the telephony wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from functions.report.recordings.fetch import Fetched, NotPlayed
from shared.http import Response, response

# As telephonies write it → as browsers know it, and the ending of a saved file.
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("mpeg", "mp3", "x-mp3", "mpeg3", "x-mpeg", "x-mpeg-3"), "audio/mpeg"),
    **dict.fromkeys(("wav", "x-wav", "wave", "x-pn-wav", "vnd.wave"), "audio/wav"),
    **dict.fromkeys(("ogg", "x-ogg", "opus"), "audio/ogg"),
    **dict.fromkeys(("mp4", "m4a", "x-m4a"), "audio/mp4"),
    **{name: f"audio/{name}" for name in ("webm", "aac", "flac", "amr", "3gpp")},
}
_ENDINGS: Mapping[str, str] = {"audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/3gpp": "3gp"}
# Of bytes that come without a type: how files of a format begin.
_BEGINNINGS = (
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]"), "audio/mpeg"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"#!AMR"), "audio/amr"),
    (re.compile(rb"....ftyp", re.DOTALL), "audio/mp4"),
    (re.compile(rb"\x1aE\xdf\xa3"), "audio/webm"),
)
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


class Sound(NamedTuple):
    """`content_type` is one of ours; `name` is what people save it under."""

    body: bytes
    content_type: str
    name: str

    @property
    def disposition(self) -> str:
        return f'inline; filename="{self.name}"'


def sound_of(fetched: Fetched, request_id: str) -> Sound:
    """NotPlayed: `not_there` (nothing in it), `not_audio`: neither `audio/…` nor `application/octet-stream`, or bytes of no known
    format under a type that we do not know (playlists are such: they would make a player fetch from elsewhere)."""
    if not fetched.body:
        raise NotPlayed("not_there")
    main, _, sub = fetched.content_type.partition(";")[0].strip().lower().partition("/")
    if main != "audio" and (main, sub) != ("application", "octet-stream"):
        raise NotPlayed("not_audio")
    known = _TYPES.get(sub) if main == "audio" else None
    kind = known or next((kind for begins, kind in _BEGINNINGS if begins.match(fetched.body)), None)
    if kind is None:
        raise NotPlayed("not_audio")
    return Sound(fetched.body, kind, saved_as(request_id, kind))


def saved_as(request_id: str, kind: str) -> str:
    """Name of the saved file. `kind` is one of our types."""
    return f"{request_id}.{_ENDINGS.get(kind) or kind.partition('/')[2]}"


def sound_response(sound: Sound, asked: str, headers: Mapping[str, str]) -> Response:
    """200 with all of it, or 206 with the one range that was asked for (`asked`: the header; Safari plays nothing without), 416
    where that begins behind the end. Several ranges, and what is none, get all of it."""
    size = len(sound.body)
    headers = {**headers, "content-disposition": sound.disposition, "accept-ranges": "bytes"}
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]) or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return response(200, sound.body, sound.content_type, headers)
    first = int(found[1]) if found[1] else max(0, size - int(found[2]))
    last = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
    if first > last:
        return response(416, "", "text/plain; charset=utf-8", {**headers, "content-range": f"bytes */{size}"})
    part = {**headers, "content-range": f"bytes {first}-{last}/{size}"}
    return response(206, sound.body[first : last + 1], sound.content_type, part)
