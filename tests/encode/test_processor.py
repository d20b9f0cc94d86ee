"""Steps written from a processor give that processor's tensors; what no step expresses is an error."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tiny_models import Image, transformers

from embver.encode.images import ImageSteps
from embver.encode.preprocessing import parse_steps
from embver.encode.processor import steps_from_processor
from embver.encode.texts import TextSteps
from embver.errors import EncodeError

pytestmark = pytest.mark.torch

PROCESSORS = {
    "clip": transformers.CLIPImageProcessor,
    "siglip": transformers.SiglipImageProcessor,
    "vit": transformers.ViTImageProcessor,
    "dinov2": lambda: transformers.BitImageProcessor(
        size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}
    ),
}


@pytest.mark.parametrize("family", PROCESSORS)
def test_image_steps_give_the_processors_tensors(tmp_path, images, family):
    processor = PROCESSORS[family]()
    processor.save_pretrained(tmp_path)
    plain = steps_from_processor(tmp_path)["image"]
    steps = ImageSteps.of(parse_steps("image", plain, path="encoders.image.preprocessing"))
    for item in images[:6]:
        with Image.open(item.blob.path) as image:
            own = processor(image, return_tensors="np")["pixel_values"][0]
        assert np.array_equal(steps.tensor(item.blob), own)


def test_a_processor_kept_in_one_file(clip, tmp_path, images):
    folder = tmp_path / "model"
    transformers.CLIPProcessor(
        transformers.CLIPImageProcessor.from_pretrained(clip),
        transformers.AutoTokenizer.from_pretrained(clip),
    ).save_pretrained(folder)
    assert not (folder / "preprocessor_config.json").exists()
    assert steps_from_processor(folder)["image"] == steps_from_processor(clip)["image"]


def test_text_steps_give_the_tokenizers_ids(clip, texts):
    plain = steps_from_processor(clip)["text"]
    assert plain[-1]["max_length"] == 32
    steps = TextSteps.of(parse_steps("text", plain, path="encoders.text.preprocessing"), clip)
    own = transformers.AutoTokenizer.from_pretrained(clip)(texts[0].text, truncation=True, max_length=32)
    assert steps.tokens([texts[0].text]) == [own["input_ids"]]


def test_siglip_texts_are_padded_to_the_limit(clip, tmp_path):
    shutil.copytree(clip, tmp_path / "m")
    config = json.loads((clip / "config.json").read_text()) | {"model_type": "siglip"}
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    assert steps_from_processor(tmp_path / "m")["text"][-1]["padding"] == "max_length"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"do_pad": True}, "what no step expresses: do_pad"),
        ({"resample": 9}, "resample 9 is not one"),
        ({"size": {"shortest_edge": 224, "longest_edge": 300}}, "is not one that a step expresses"),
        ({"image_mean": [0.5]}, "image_mean is not three numbers"),
        ({"size": None}, "size is not written in its file"),
    ],
)
def test_what_no_step_expresses_is_refused(tmp_path, change, message):
    transformers.CLIPImageProcessor().save_pretrained(tmp_path)
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(EncodeError, match=message):
        steps_from_processor(tmp_path)


def test_no_torch_is_loaded_for_it(clip):
    code = (
        "import sys; from pathlib import Path\n"
        "import embver.encode.runner, embver.encode.floor, embver.encode.environment\n"
        "from embver.encode.processor import steps_from_processor\n"
        "from embver.encode.model_files import describe_model\n"
        "steps_from_processor(Path(sys.argv[1])), describe_model(Path(sys.argv[1]), modality='text')\n"
        "assert not {'torch', 'transformers', 'PIL', 'tokenizers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(clip)], check=True)
