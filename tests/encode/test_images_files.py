"""Every kind of file: which decoder it gets, how it is held, and what is said of a file that is no image."""

from __future__ import annotations

import io
import random as stdlib_random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import IMAGE_STEPS, Image

from embver.encode import image_decode
from embver.encode.blob import Blob
from embver.encode.image_files import FORMATS, jpeg_header
from embver.encode.images import ImageSteps
from embver.encode.preprocessing import parse_steps
from embver.encode.spec import Item

pytestmark = pytest.mark.torch

simplejpeg = pytest.importorskip("simplejpeg")
RESIZE = {"step": "resize", "height": 24, "width": 24, "interpolation": "bicubic"}


def image_steps(decode=None, *rest):
    plain = [{"step": "decode", "exif_rotate": True} | (decode or {}), *(rest or [RESIZE])]
    return ImageSteps.of(parse_steps("image", plain, path="encoders.image.preprocessing"))


def of_bytes(data):
    return Blob(name="a file", fetch=lambda: data)


def saved(image, kind="JPEG", **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def noise(height=50, width=40, mode="RGB"):
    made = np.random.default_rng(4).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(made).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


PNG = saved(noise(), "PNG")
JPEG = saved(noise(), quality=90)


def png(*, width, height, bits, colours, rows):
    """Return a PNG written by hand: Pillow saves no 16-bit colour, and no image larger than its data."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# ---- which decoder


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}])
def test_simplejpeg_gives_pillows_pixels(mode, options):
    """One library below both, libjpeg-turbo, with the same exact transform: equal, so a resize with Pillow is too."""
    data = saved(noise(61, 47, mode), quality=80, **(options if mode == "RGB" else {}))
    assert jpeg_header(data) is not None
    made = [image_steps({"library": library}).pixels(of_bytes(data)) for library in ("pillow", "simplejpeg")]
    assert np.array_equal(*made)


@pytest.mark.parametrize("kind", ["CMYK", "PNG", "twelve bits", "damaged"])
def test_what_simplejpeg_does_not_take_is_pillows(kind):
    """The decoder of an item follows from its bytes, never from how fast anything was."""
    if kind == "CMYK":
        data = saved(noise(mode="CMYK"))
    elif kind == "PNG":
        data = PNG
    elif kind == "twelve bits":
        frame = JPEG.index(b"\xff\xc0")
        data = JPEG[: frame + 4] + b"\x0c" + JPEG[frame + 5 :]
    else:
        data = b"\xff\xd8\xff\xe0\x00"
    assert jpeg_header(data) is None
    steps = [image_steps({"library": library}) for library in ("pillow", "simplejpeg")]
    if kind in ("CMYK", "PNG"):
        assert np.array_equal(*(each.pixels(of_bytes(data)) for each in steps))
        return
    for each in steps:
        with pytest.raises(ValueError, match="not a readable image"):
            each.pixels(of_bytes(data))


def test_a_jpeg_with_stray_bytes_is_decoded_as_pillow_does():
    """libjpeg warns of them, simplejpeg refuses them, Pillow takes them: so they are Pillow's."""
    scan = JPEG.index(b"\xff\xda")
    data = JPEG[:scan] + b"\x00\x00\x00" + JPEG[scan:]
    with pytest.raises(ValueError, match=r"(?i)extraneous"):
        simplejpeg.decode_jpeg(data)
    made = [image_steps({"library": library}).pixels(of_bytes(data)) for library in ("pillow", "simplejpeg")]
    assert np.array_equal(*made)


@pytest.mark.parametrize("library", ["pillow", "simplejpeg"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_are_turned_upright(kind, library, orientation):
    """Each corner has its own brightness; after turning, the corners are where the upright image has them."""
    upright = np.kron(np.array([[0, 80], [160, 240]], dtype=np.uint8), np.ones((16, 24), dtype=np.uint8))
    undo = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.T, 6: lambda a: np.rot90(a, 1), 7: lambda a: a[::-1, ::-1].T, 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    held = Image.fromarray(np.ascontiguousarray(undo[orientation](upright))).convert("RGB")
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    data = saved(held, kind, exif=exif, **options)
    steps = image_steps({"library": library}, {"step": "center_crop", "height": 32, "width": 48})
    assert np.abs(steps.pixels(of_bytes(data))[0].astype(int) - upright).max() <= 3
    if kind == "TIFF":  # which Pillow turns by itself, whoever asks
        held = Image.fromarray(upright)
    as_stored = image_steps(
        {"library": library, "exif_rotate": False},
        {"step": "center_crop", "height": held.height, "width": held.width},
    )
    assert np.abs(as_stored.pixels(of_bytes(data))[0].astype(int) - np.asarray(held.convert("L"))).max() <= 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_is_no_orientation():
    data = saved(noise(), exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff\x00\x00")
    for library in ("pillow", "simplejpeg"):
        expected = image_steps({"exif_rotate": False}).pixels(of_bytes(data))
        assert np.array_equal(image_steps({"library": library}).pixels(of_bytes(data)), expected)


# ---- kinds of pixels


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_an_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (24, 24), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(kind, {})
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    red, _, blue = image_steps().pixels(of_bytes(data))[:, 12, 12]
    assert (red > 200, blue < 50) == (True, True)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_read(kind):
    image = Image.linear_gradient("L").resize((32, 32)).convert("RGB")
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}, "AVIF": {"quality": 100}}.get(kind, {})
    steps = image_steps(None, {"step": "center_crop", "size": 32})
    made = steps.pixels(of_bytes(saved(image, kind, **options))).transpose(1, 2, 0)
    assert np.abs(made.astype(int) - np.asarray(image)).max() <= 4


def test_sixteen_bits_of_colour_keep_their_high_byte():
    """A PNG of one row, two pixels."""
    row = b"\x00" + struct.pack(">6H", 0x01FF, 0x8000, 0xFFFF, 0x1234, 0x00FF, 0x7F80)
    data = png(width=2, height=1, bits=16, colours=2, rows=row)
    steps = image_steps(None, {"step": "center_crop", "height": 1, "width": 2})
    made = steps.pixels(of_bytes(data))[:, 0].T.tolist()
    assert made == [[0x01, 0x80, 0xFF], [0x12, 0x00, 0x7F]]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 900), (900, 1)])
def test_a_thin_image_is_an_image(height, width):
    data = saved(Image.new("RGB", (width, height), (9, 8, 7)), "PNG")
    for resize in (RESIZE, {"step": "resize", "size": 24, "interpolation": "bicubic", "library": "torch"},
                   {"step": "resize", "size": 24, "edge": "longest", "interpolation": "bicubic"}):  # fmt: skip
        steps = image_steps(None, resize, {"step": "center_crop", "size": 1})
        assert steps.pixels(of_bytes(data))[:, 0, 0].tolist() == [9, 8, 7]


# ---- large ones


def test_a_bomb_is_refused_before_it_is_decoded():
    """20,000 x 20,000 pixels: refused by its header; the limit is the card's own."""
    bomb = png(width=20_000, height=20_000, bits=8, colours=2, rows=bytes(1 << 16))
    with pytest.raises(
        ValueError, match=r"20000 x 20000 pixels, more than the card's decode.max_pixels of 178956970"
    ):
        image_steps().pixels(of_bytes(bomb))
    small = image_steps({"max_pixels": 50 * 40 - 1})
    with pytest.raises(ValueError, match=r"40 x 50 pixels, more than the card's decode.max_pixels of 1999"):
        small.pixels(of_bytes(PNG))
    image_steps({"max_pixels": 50 * 40}).pixels(of_bytes(PNG))


def test_the_limit_is_the_cards_not_pillows(monkeypatch):
    """Pillow's own is one for the whole process, and it warns on stderr from half of it on."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(PNG))
    assert image_steps().pixels(of_bytes(PNG)).shape == (3, 24, 24)


def test_a_scale_makes_room_for_a_large_jpeg():
    """The limit is one of decoded pixels: with a declared scale, an eighth of each edge is decoded."""
    large = saved(Image.new("L", (4000, 3000), 77), quality=50)
    fast = image_steps({"library": "simplejpeg", "scale": 2, "max_pixels": 400_000})
    assert np.abs(fast.pixels(of_bytes(large)).astype(int) - 77).max() <= 1
    with pytest.raises(ValueError, match="4000 x 3000 pixels"):
        image_steps({"library": "simplejpeg", "max_pixels": 400_000}).pixels(of_bytes(large))


def test_large_images_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(image_decode, "_LARGE_PIXELS", 1)
    steps = image_steps()
    with image_decode._LARGE_ONES:
        assert image_decode._LARGE_ONES.locked()
    for data in (PNG, JPEG, PNG[:200]):  # whatever becomes of one, the next gets its turn
        steps.prepare([Item(id="a", blob=of_bytes(data))], lambda item: "")
        assert not image_decode._LARGE_ONES.locked()


# ---- no images


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"A cat, asleep.\n", "a text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 2 2\n", "PostScript"),
        (b"%PDF-1.7\n%\xe2\xe3", "none of JPEG, PNG"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (PNG[: len(PNG) // 2], "not a readable image"),
        (PNG[:20], "not a readable image"),
        (saved(Image.new("F", (3, 3)), "TIFF"), "floating-point pixels"),
    ],
)
@pytest.mark.parametrize("library", ["pillow", "simplejpeg"])
def test_what_is_no_image_is_said(data, message, library):
    row = image_steps({"library": library}).prepare([Item(id="a", blob=of_bytes(data))], lambda item: "")[0]
    assert isinstance(row, str)
    assert message in row
    assert "\n" not in row
    assert "0x" not in row


def test_a_bad_image_leaves_the_others_alone():
    steps = image_steps({"library": "simplejpeg"}, RESIZE | {"library": "torch"})
    items = [Item(id=str(n), blob=of_bytes(data)) for n, data in enumerate([PNG, JPEG, b"", JPEG, PNG])]
    rows = steps.prepare([*items, Item(id="none")], lambda item: "")
    assert [isinstance(row, str) for row in rows] == [False, False, True, False, False, True]
    for item, row in zip(items, rows, strict=False):
        if not isinstance(row, str):
            assert np.array_equal(row.transpose(2, 0, 1), steps.pixels(item.blob))


STEPS = [
    image_steps({"library": library, "max_pixels": 1 << 20}, RESIZE | {"library": resize})
    for library, resize in (("pillow", "pillow"), ("simplejpeg", "torch"))
]
SEEDS = [
    PNG, JPEG, saved(noise(mode="L")), saved(noise(), "GIF"), saved(noise(), "WEBP"), saved(noise(), "BMP"),
    saved(noise(), "TIFF", compression="tiff_lzw"), saved(noise(), "PPM"), saved(noise(mode="P"), "PNG", transparency=3),
    saved(noise(), "JPEG2000"), saved(noise(32, 32), "ICO"), saved(noise(), "AVIF"), saved(noise(), progressive=True),
]  # fmt: skip


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.integers(0, len(SEEDS) - 1), st.integers(0, 2**32), st.integers(1, 12), st.booleans())
def test_damaged_bytes_give_pixels_or_a_reason(seed, numbers, changes, is_cut):
    """Never another error, never a row that was not filled: what is left of an image is pixels of the right shape."""
    random = stdlib_random.Random(numbers)
    data = bytearray(SEEDS[seed])
    for _ in range(changes):
        place = random.randrange(min(len(data), 4096))
        data[place : place + random.choice((0, 1, 1, 1, 3))] = random.randbytes(random.choice((0, 1, 1, 2)))
    if is_cut:
        del data[random.randrange(len(data)) :]
    for steps in STEPS:
        row = steps.prepare([Item(id="a", blob=of_bytes(bytes(data)))], lambda item: "")[0]
        if isinstance(row, str):
            assert row
            assert "\n" not in row
        else:
            assert (row.shape, row.dtype) == ((24, 24, 3), np.uint8)
            assert np.array_equal(row, steps.pixels(of_bytes(bytes(data))).transpose(1, 2, 0))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_give_pixels_or_a_reason(data):
    for steps in STEPS:
        row = steps.prepare([Item(id="a", blob=of_bytes(data))], lambda item: "")[0]
        assert isinstance(row, str) or row.shape == (24, 24, 3)


def test_card_steps_of_the_demo_take_any_of_them():
    steps = ImageSteps.of(parse_steps("image", IMAGE_STEPS, path="encoders.image.preprocessing"))
    assert steps.pixels(of_bytes(JPEG)).shape == (3, 32, 32)
