"""Open an image's bytes: which decoder an item gets, by its first bytes and header alone, and what is wrong with it."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from embver.encode.runtime import load_pillow, load_simplejpeg

# Formats of one agreed meaning. Left out are those that run another program (EPS), that any bytes may be (TGA), that
# are no pixels (WMF) or that no tool writes for photographs.
FORMATS: Final = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO", "QOI",
)  # fmt: skip
_PLUGINS: Final = (
    "JpegImagePlugin", "MpoImagePlugin", "PngImagePlugin", "WebPImagePlugin", "GifImagePlugin", "BmpImagePlugin",
    "TiffImagePlugin", "PpmImagePlugin", "AvifImagePlugin", "Jpeg2KImagePlugin", "IcoImagePlugin", "QoiImagePlugin",
)  # fmt: skip
_JPEG: Final = b"\xff\xd8\xff"
_ORIENTATION: Final = 0x0112
_TEXT_BYTES: Final = 64
# Frames of a JPEG: the baseline, extended and progressive ones that libjpeg decodes.
_FRAMES: Final = (0xC0, 0xC1, 0xC2)


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegHeader:
    """What decides how a JPEG is decoded: its size in pixels, and whether it says how the camera was held."""

    height: int
    width: int
    may_be_turned: bool


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Return the header of a JPEG that simplejpeg decodes as Pillow does; None for whatever is left to Pillow.

    That is 8 bits a channel, and grey, YCbCr or RGB: the four channels of a printer's JPEG are Pillow's affair.
    """
    if not data.startswith(_JPEG):
        return None
    segments = _jpeg_segments(data)
    if segments is None or segments.precision != 8:
        return None
    try:
        height, width, colours, _ = load_simplejpeg().decode_jpeg_header(data)
    except ValueError:
        return None
    if colours not in ("Gray", "YCbCr", "RGB"):
        return None
    return JpegHeader(height=height, width=width, may_be_turned=segments.has_metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segments:
    precision: int
    has_metadata: bool


def _jpeg_segments(data: bytes) -> _Segments | None:
    """Walk a JPEG's markers as far as its frame: a few microseconds, where Pillow takes a hundred."""
    place, has_metadata = 2, False
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:  # filler
            place += 1
            continue
        if marker in _FRAMES:
            return (
                _Segments(precision=data[place + 4], has_metadata=has_metadata)
                if place + 4 < len(data)
                else None
            )
        has_metadata |= marker == 0xE1  # APP1: EXIF or XMP
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None


def open_image(data: bytes) -> Any:
    """Return a Pillow image whose header is read and whose pixels are not; raise ValueError saying what it is not.

    `PIL.Image.open` has a limit of pixels that is one for the whole process and warns on stderr; the limit here is the
    card's, and checked by who asks.
    """
    for name in FORMATS:
        factory, accept = _openers()[name]
        try:
            if accept is None or accept(data[:16]) is True:
                return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # what the plugins raise where the bytes are another format's
    raise ValueError(_what_else(data))


@cache
def _openers() -> dict[str, tuple[Any, Any]]:
    pillow = load_pillow()
    import importlib

    for plugin in _PLUGINS:
        importlib.import_module(f"PIL.{plugin}")
    return {name: pillow.OPEN[name] for name in FORMATS if name in pillow.OPEN}


def _what_else(data: bytes) -> str:
    if not data:
        return "an empty file"
    start = data[:_TEXT_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml")):
        return "a drawing (SVG or XML): render it to pixels first"
    if start.startswith(b"%!ps"):
        return "a PostScript file: render it to pixels first"
    try:
        data[:_TEXT_BYTES].decode("ascii")
    except UnicodeDecodeError:
        return f"none of {', '.join(FORMATS)}, or damaged at its start"
    return "a text"


def orientation_of(image: Any) -> int:
    """Return the orientation, 1 to 8, that a Pillow image's metadata give; 1 where they cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except (
        Exception
    ):  # Pillow parses EXIF and XMP of any kind, and raises as many kinds of errors of bad ones
        return 1
    return value if value in range(1, 9) else 1


def reason_of(error: Exception) -> str:
    """Return an error of Pillow's in one line, which stands beside the item's own name: without its object's."""
    said = str(error) or type(error).__name__
    return " ".join(re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "the file", said).split())
