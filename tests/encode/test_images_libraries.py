"""What another decoder and another resize kernel cost: measured on pixels, and on the vectors of a seeded CLIP."""

from __future__ import annotations

import io

import numpy as np
import pytest
from tiny_models import IMAGE_STEPS, Image, clip_spec

from embver.encode.blob import Blob
from embver.encode.images import ImageSteps
from embver.encode.models import load_encoder
from embver.encode.preprocessing import parse_steps
from embver.encode.runner import encode
from embver.encode.spec import Item

pytestmark = pytest.mark.torch

pytest.importorskip("simplejpeg")
DECODE, RESIZE = IMAGE_STEPS[:2]
EXACT = ({}, {})
QUICK = ({"library": "simplejpeg"}, {"library": "torch"})
FAST = ({"library": "simplejpeg", "scale": 2}, {"library": "torch", "interpolation": "bilinear"})


def card_steps(decode, resize):
    return [DECODE | decode, RESIZE | resize, *IMAGE_STEPS[2:]]


def steps_of(decode, resize):
    return ImageSteps.of(parse_steps("image", card_steps(decode, resize), path="p"))


@pytest.fixture(scope="module")
def photographs() -> list[Item]:
    """Return JPEGs with the spectrum of photographs, wide and upright: noise that falls with its frequency."""
    random = np.random.default_rng(8)
    made = []
    for number in range(24):
        height, width = (400, 500) if number % 2 else (500, 400)
        waves = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width)[None] ** 2
        waves[0, 0] = 1
        spectrum = random.normal(size=(3, *waves.shape)) + 1j * random.normal(size=(3, *waves.shape))
        pixels = np.fft.irfft2(spectrum / np.sqrt(waves), s=(height, width))
        pixels = 128 + 50 * pixels / pixels.std(axis=(1, 2), keepdims=True)
        data = io.BytesIO()
        picture = pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(picture).save(data, "JPEG", quality=85, subsampling=2)
        made.append(Item(id=str(number), blob=Blob(name=str(number), fetch=data.getvalue)))
    return made


def cosine_distances(clip, photographs, decode, resize):
    rows = [
        encode(load_encoder(clip_spec("image", clip, preprocessing=card_steps(*how)), device="cpu"), photographs)
        .vectors.astype(np.float64)
        for how in (EXACT, (decode, resize))
    ]  # fmt: skip
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in rows]
    return 1 - (unit[0] * unit[1]).sum(axis=1)


def test_simplejpeg_moves_no_vector(clip, photographs):
    assert cosine_distances(clip, photographs, {"library": "simplejpeg"}, {}).max() == pytest.approx(
        0, abs=1e-15
    )


def test_torchs_resize_moves_vectors_by_a_millionth(clip, photographs):
    """The bar: 1-cos of at most 1e-6 against Pillow's decoder and resize."""
    distances = cosine_distances(clip, photographs, *QUICK)
    assert 0 < distances.max() <= 1e-6


def test_the_fast_mode_is_another_preprocessing(clip, photographs):
    """Decoded at an eighth and filtered otherwise: far from exact, so a card must say it."""
    distances = cosine_distances(clip, photographs, *FAST)
    assert 1e-6 < distances.max() < 0.2


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("height", "width"), [(61, 47), (47, 61), (300, 200), (9, 11)])
def test_torchs_pixels_differ_by_one_level(interpolation, height, width):
    made = np.random.default_rng(height).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(made).resize((width, height), Image.Resampling.BICUBIC).save(data, "PNG")
    blob = Blob(name="a", fetch=data.getvalue)
    pixels = [
        steps_of({}, {"library": library, "interpolation": interpolation}).pixels(blob).astype(int)
        for library in ("pillow", "torch")
    ]
    assert np.abs(pixels[0] - pixels[1]).max() <= 1


def test_a_scaled_jpeg_has_the_extent_of_the_whole():
    """The long edge follows from the file's own size: of a decoded eighth, rounded up, it would be another."""
    data = io.BytesIO()
    Image.linear_gradient("L").resize((1001, 400)).convert("RGB").save(data, "JPEG", quality=95)
    blob = Blob(name="a", fetch=data.getvalue)
    resize = {"step": "resize", "size": 16, "interpolation": "bilinear", "library": "torch"}
    made = {}
    for scale in (None, 2):
        decode = {"step": "decode", "exif_rotate": True, "library": "simplejpeg"}
        plain = [decode | ({"scale": scale} if scale else {}), resize, {"step": "center_crop", "size": 40}]
        made[scale] = ImageSteps.of(parse_steps("image", plain, path="p")).pixels(blob).astype(int)
    # The crop is wider than 16 high: 12 rows above and below are black in both, the rest is nearly the same.
    assert np.array_equal(made[None] == 0, made[2] == 0)
    assert np.abs(made[None] - made[2]).max() <= 8


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_scale_is_of_the_upright_image(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    Image.linear_gradient("L").resize((800, 200)).convert("RGB").save(data, "JPEG", quality=95, exif=exif)
    blob = Blob(name="a", fetch=data.getvalue)
    extent = {"height": 20, "width": 80} if orientation == 1 else {"height": 80, "width": 20}
    resize = {"step": "resize", **extent, "interpolation": "bilinear", "library": "torch"}
    pixels = []
    for scale in ({}, {"scale": 1}):
        decode = {"step": "decode", "exif_rotate": True, "library": "simplejpeg"} | scale
        steps = ImageSteps.of(parse_steps("image", [decode, resize], path="p"))
        pixels.append(steps.pixels(blob).astype(int))
    assert np.abs(pixels[0] - pixels[1]).max() <= 8


# ---- pad and the longest edge


@pytest.mark.parametrize("where", ["end", "center"])
def test_pad_puts_the_image_where_it_is_told(where):
    data = io.BytesIO()
    Image.new("RGB", (20, 11), (9, 9, 9)).save(data, "PNG")
    plain = [
        {"step": "decode", "exif_rotate": True},
        {"step": "resize", "size": 10, "edge": "longest", "interpolation": "bilinear"},
        {"step": "pad", "size": 12, "where": where, "background": [1, 2, 3]},
    ]
    made = ImageSteps.of(parse_steps("image", plain, path="p")).pixels(Blob(name="a", fetch=data.getvalue))
    expected = np.tile(np.array([1, 2, 3], dtype=np.uint8)[:, None, None], (1, 12, 12))
    top, left = (3, 1) if where == "center" else (0, 0)
    expected[:, top : top + 5, left : left + 10] = 9
    assert np.array_equal(made, expected)
