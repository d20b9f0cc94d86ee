"""The card's image steps give the processor's own tensors, whatever the file holds."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import IMAGE_STEPS, MEAN, STD, Image, transformers

from embver.encode.blob import Blob
from embver.encode.images import ImageSteps
from embver.encode.preprocessing import parse_steps

pytestmark = pytest.mark.torch


def image_steps(*steps):
    return ImageSteps.of(parse_steps("image", list(steps), path="encoders.image.preprocessing"))


def no_steps(**decode):
    """Return steps that only decode and crop to 2 x 2, so that pixels can be compared by eye."""
    return image_steps(IMAGE_STEPS[0] | decode, {"step": "center_crop", "size": 2})


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "nearest", "lanczos"])
@pytest.mark.parametrize("crop", [32, 24, 51])
@pytest.mark.parametrize("square", [False, True])
def test_tensors_equal_the_processors(images, interpolation, crop, square):
    """Equal to the last bit, crops larger than the image included: same Pillow, same arithmetic, in a table."""
    resize = {"height": 32, "width": 40} if square else {"size": 32, "edge": "shortest"}
    steps = image_steps(
        IMAGE_STEPS[0], {"step": "resize", "interpolation": interpolation} | resize,
        {"step": "center_crop", "size": crop}, *IMAGE_STEPS[3:],
    )  # fmt: skip
    processor = transformers.CLIPImageProcessor(
        size={"height": 32, "width": 40} if square else {"shortest_edge": 32},
        crop_size={"height": crop, "width": crop},
        resample=Image.Resampling[interpolation.upper()],
        image_mean=MEAN,
        image_std=STD,
    )
    for item in images:
        with Image.open(item.blob.path) as image:
            own = processor(image, return_tensors="np")["pixel_values"][0]
        assert np.array_equal(steps.tensor(item.blob), own)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "L", "1", "CMYK"])
def test_modes_equal_the_processors(tmp_path, mode):
    random = np.random.default_rng(3)
    image = Image.fromarray(random.integers(0, 256, (40, 50, 4), dtype=np.uint8))
    path = tmp_path / ("a.tif" if mode in ("CMYK", "PA") else "a.png")
    if mode == "PA":
        image = image.convert("RGB").quantize(16)
        path = tmp_path / "a.png"
        image.save(path, transparency=3)
    elif mode == "P":
        image.convert("RGB").quantize(16).save(path)
    else:
        image.convert(mode).save(path)
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD
    )
    with Image.open(path) as opened:
        own = processor(opened, return_tensors="np")["pixel_values"][0]
    assert np.array_equal(image_steps(*IMAGE_STEPS).tensor(Blob.of(path)), own)


def test_transparency_shows_the_background(tmp_path):
    path = tmp_path / "clear.png"
    Image.new("RGBA", (2, 2), (200, 10, 10, 0)).save(path)
    assert no_steps().pixels(Blob.of(path)).min() == 255
    assert no_steps(background="black").pixels(Blob.of(path)).max() == 0
    assert no_steps(background=[1, 2, 3]).pixels(Blob.of(path))[:, 0, 0].tolist() == [1, 2, 3]


def test_sixteen_bits_keep_their_range(tmp_path):
    path = tmp_path / "deep.png"
    values = np.array([[0, 256], [32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(path)
    assert no_steps().pixels(Blob.of(path))[0].tolist() == [[0, 1], [128, 255]]


def test_exif_rotation_is_the_cards_choice(tmp_path):
    path = tmp_path / "turned.png"
    image = Image.fromarray(np.array([[0, 50], [100, 150]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    image.save(path, exif=exif)
    assert no_steps(exif_rotate=False).pixels(Blob.of(path))[0].tolist() == [[0, 50], [100, 150]]
    assert no_steps(exif_rotate=True).pixels(Blob.of(path))[0].tolist() == [[100, 0], [150, 50]]


def test_an_animation_gives_its_first_frame(tmp_path):
    path = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert no_steps().pixels(Blob.of(path))[:, 0, 0].tolist() == [255, 0, 0]


def test_one_pixel_is_an_image(tmp_path):
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (9, 8, 7)).save(path)
    assert image_steps(*IMAGE_STEPS).pixels(Blob.of(path))[:, 31, 31].tolist() == [9, 8, 7]


@pytest.mark.parametrize("kind", ["missing", "empty", "words", "truncated", "float"])
def test_what_is_no_image_says_so(tmp_path, kind):
    path = tmp_path / "bad.png"
    if kind == "empty":
        path.touch()
    elif kind == "words":
        path.write_text("not a picture")
    elif kind == "truncated":
        Image.effect_noise((64, 64), 90).save(path)
        path.write_bytes(path.read_bytes()[:900])
    elif kind == "float":
        path = tmp_path / "bad.tif"
        Image.new("F", (2, 2), 0.5).save(path)
    with pytest.raises(ValueError, match=r"does not exist|readable|range") as caught:
        image_steps(*IMAGE_STEPS).pixels(Blob.of(path))
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)
