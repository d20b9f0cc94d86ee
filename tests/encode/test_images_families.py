"""For each family of image processors, the steps written from its file give the processor's own tensors."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from tiny_models import Image, transformers

from embver.encode.blob import Blob
from embver.encode.image_families import FAMILIES
from embver.encode.images import ImageSteps
from embver.encode.preprocessing import parse_steps
from embver.encode.processor import steps_from_processor
from embver.errors import EncodeError

pytestmark = pytest.mark.torch

# Every family with its defaults made small, then the variants of its own.
SMALL = {
    "BeitImageProcessor": {"size": {"height": 30, "width": 30}},
    "BitImageProcessor": {"size": {"shortest_edge": 37}, "crop_size": {"height": 32, "width": 32}},
    "BlipImageProcessor": {"size": {"height": 30, "width": 30}},
    "CLIPImageProcessor": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "ChineseCLIPImageProcessor": {"size": {"height": 32, "width": 32}, "do_center_crop": False},
    "ConvNextImageProcessor": {"size": {"shortest_edge": 29}},
    "DeiTImageProcessor": {"size": {"height": 37, "width": 37}, "crop_size": {"height": 32, "width": 32}},
    "EfficientNetImageProcessor": {"size": {"height": 33, "width": 33}},
    "LevitImageProcessor": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "LlavaImageProcessor": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "MobileNetV1ImageProcessor": {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}},
    "MobileNetV2ImageProcessor": {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}},
    "OwlViTImageProcessor": {"size": {"height": 41, "width": 41}},
    "PoolFormerImageProcessor": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "PvtImageProcessor": {"size": {"height": 31, "width": 33}},
    "SegformerImageProcessor": {"size": {"height": 33, "width": 30}},
    "SiglipImageProcessor": {"size": {"height": 31, "width": 31}},
    "ViTImageProcessor": {"size": {"height": 31, "width": 31}},
}
CASES = [
    *SMALL.items(),
    # crops larger than the image, odd on both sides
    ("CLIPImageProcessor", {"size": {"shortest_edge": 20}, "crop_size": {"height": 33, "width": 26}}),
    ("CLIPImageProcessor", {"size": {"height": 24, "width": 40}, "crop_size": {"height": 24, "width": 24}, "resample": 1}),
    ("CLIPImageProcessor", {"size": {"height": 24, "width": 40}, "do_center_crop": False, "resample": 0}),
    ("CLIPImageProcessor", {"size": {"height": 24, "width": 40}, "do_center_crop": False, "resample": 4}),
    ("CLIPImageProcessor", {"size": {"height": 24, "width": 40}, "do_center_crop": False, "resample": 5}),
    ("CLIPImageProcessor", {"do_resize": False, "crop_size": {"height": 40, "width": 40}}),
    ("CLIPImageProcessor", {**SMALL["CLIPImageProcessor"], "do_normalize": False}),
    ("CLIPImageProcessor", {**SMALL["CLIPImageProcessor"], "rescale_factor": 1 / 127.5}),
    ("CLIPImageProcessor", {**SMALL["CLIPImageProcessor"], "rescale_factor": 0.0078}),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 40}, "crop_pct": 0.9}),
    ("EfficientNetImageProcessor", {"size": {"height": 33, "width": 33}, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False, "include_top": False}),
    ("EfficientNetImageProcessor", {"size": {"height": 33, "width": 33}, "do_center_crop": True, "crop_size": {"height": 30, "width": 31}, "include_top": False}),
    ("LlavaImageProcessor", {**SMALL["LlavaImageProcessor"], "do_pad": True}),
    ("PoolFormerImageProcessor", {"size": {"height": 30, "width": 30}, "crop_size": {"height": 30, "width": 30}}),
    ("PoolFormerImageProcessor", {"size": {"height": 30, "width": 20}, "crop_size": {"height": 30, "width": 20}}),
    ("SegformerImageProcessor", {"size": {"height": 33, "width": 30}, "do_reduce_labels": True}),
]  # fmt: skip
EXTENTS = [(61, 47), (47, 61), (40, 40), (33, 200), (200, 33), (21, 22), (7, 5)]


def picture(height, width, mode="RGB"):
    random = np.random.default_rng(height * 1000 + width)
    coarse = Image.fromarray(random.integers(0, 256, (5, 5, 4), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


def blob_of(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return Blob(name="a picture", fetch=data.getvalue)


def written_steps(folder, model_type=None):
    plain = steps_from_processor(folder)["image"]
    return ImageSteps.of(parse_steps("image", plain, path="encoders.image.preprocessing"))


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_steps_give_the_processors_tensors(tmp_path, name, settings):
    """Equal to the last bit, for upright, wide, square and tiny images."""
    processor = getattr(transformers, f"{name}Pil")(**settings)
    processor.save_pretrained(tmp_path)
    steps = written_steps(tmp_path)
    for extent in EXTENTS:
        image = picture(*extent)
        own = processor(image, return_tensors="np")["pixel_values"][0]
        made = steps.tensor(blob_of(image))
        assert made.dtype == own.dtype == np.float32
        assert np.array_equal(made, own), (extent, np.abs(made - own).max())


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16"])
@pytest.mark.parametrize("name", ["CLIPImageProcessor", "BlipImageProcessor", "SiglipImageProcessor"])
def test_modes_give_the_processors_tensors(tmp_path, name, mode):
    processor = getattr(transformers, f"{name}Pil")(**SMALL[name])
    processor.save_pretrained(tmp_path)
    image = picture(40, 50, "RGBA")
    if mode == "I;16":  # which Pillow clips at 255; the card's decode keeps the high byte
        deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        own = processor(image.convert("L"), return_tensors="np")["pixel_values"][0]
        assert np.array_equal(written_steps(tmp_path).tensor(blob_of(deep)), own)
        return
    blob = blob_of(image.convert(mode))
    with Image.open(io.BytesIO(blob.read())) as opened:
        own = processor(opened, return_tensors="np")["pixel_values"][0]
    assert np.array_equal(written_steps(tmp_path).tensor(blob), own)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_file_leaves_out_is_the_classs_default(name):
    """The table of families says what the classes of this version of transformers say."""
    made = getattr(transformers, f"{name}Pil")()
    for key, value in FAMILIES[name].defaults.items():
        if key == "default_to_square":
            assert type(made).default_to_square == value
            continue
        own = getattr(made, key)
        if key in ("size", "crop_size"):
            own = dict(own)
        elif key in ("image_mean", "image_std"):
            own = list(own)
        assert own == value, key
    said = {key: value for key, value in made.to_dict().items() if key in ("do_pad", "do_center_crop")}
    assert {key for key, value in said.items() if value} <= set(FAMILIES[name].defaults)


OLD_CLIP = {
    "crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 32,
}  # fmt: skip


@pytest.mark.parametrize("names_its_class", [True, False])
def test_a_file_of_before_rescale_was_a_setting(tmp_path, names_its_class):
    """The first CLIP's own file does not say that pixels are divided by 255; its class does it."""
    plain = dict(OLD_CLIP) if names_its_class else {k: v for k, v in OLD_CLIP.items() if "type" not in k}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(plain))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    processor = transformers.CLIPImageProcessorPil.from_pretrained(tmp_path)
    image = picture(61, 47)
    own = processor(image, return_tensors="np")["pixel_values"][0]
    assert np.array_equal(written_steps(tmp_path).tensor(blob_of(image)), own)


def test_an_image_processor_within_the_processors_file_comes_first(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(OLD_CLIP))
    nested = {"image_processor": OLD_CLIP | {"size": 40, "crop_size": 40}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested))
    assert written_steps(tmp_path).height == 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"image_processor_type": "Siglip2ImageProcessor"},
            "Siglip2ImageProcessor .* its own shape .naflex.",
        ),
        ({"image_processor_type": "DINOv3ViTImageProcessorFast"}, "resizes floating-point pixels"),
        (
            {"image_processor_type": "OurOwnImageProcessor"},
            "OurOwnImageProcessor does what no step expresses",
        ),
        ({"image_processor_type": None, "feature_extractor_type": None}, "does not name its class"),
        ({"image_processor_type": "CLIPImageProcessorFast", "resample": 1}, "resample lanczos"),
        ({"image_processor_type": "CLIPImageProcessorFast", "crop_size": 64}, "larger than the image"),
        ({"do_thumbnail": True}, "what no step expresses: do_thumbnail"),
        ({"size": {"longest_edge": 32}}, "is not one that a step expresses"),
    ],
)
def test_a_processor_that_no_step_expresses_is_refused_by_name(tmp_path, change, message):
    plain = {k: v for k, v in (OLD_CLIP | change).items() if v is not None}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(plain))
    with pytest.raises(EncodeError, match=message):
        steps_from_processor(tmp_path)


def test_a_class_for_torch_resizes_with_torch(tmp_path):
    """Equal pixels; the floats within 1e-6, since that class divides once where ours divides twice."""
    plain = OLD_CLIP | {"image_processor_type": "CLIPImageProcessorFast"}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(plain))
    assert steps_from_processor(tmp_path)["image"][1]["library"] == "torch"
    pytest.importorskip("torchvision", reason="transformers' classes for torch need torchvision")
    from transformers.models.clip.image_processing_clip import CLIPImageProcessor

    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    steps = written_steps(tmp_path)
    for extent in EXTENTS:
        image = picture(*extent)
        own = processor(image, return_tensors="np")["pixel_values"][0]
        assert np.abs(steps.tensor(blob_of(image)) - own).max() <= 1e-6
