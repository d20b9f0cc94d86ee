"""Load a transformers model from a local folder: safely, whole, and in one dtype."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from embver.encode.families import RANDOM
from embver.encode.model_files import dense_weights
from embver.encode.modules import Chain, read_chain
from embver.encode.plain_files import read_json
from embver.encode.runtime import load_torch, quiet_transformers
from embver.encode.spec import EncoderSpec
from embver.encode.weights import weight_files
from embver.errors import EncodeError, UsageError

COMPUTE: Final = ("float32", "bfloat16", "float16")

# What a checkpoint keeps from its training and no embedding is made with. Anything else that a file holds and the model
# does not take in may well be the projection of these very vectors.
_HEADS: Final = (
    "classifier", "cls", "decoder", "discriminator_predictions", "fc", "head", "heads", "lm_head", "masked_spec_embed",
    "mlm_head", "pooler", "predictions", "project_hid", "project_q", "proj_out", "qa_outputs", "quantizer", "score",
    "sop_classifier", "vocab_layer_norm", "vocab_projector", "vocab_transform",
)  # fmt: skip
_SHOWN: Final = 3


def load_model(spec: EncoderSpec, device: str, compute: str) -> Any:
    """Return the model of a spec on a device, its weights cast to `compute`, ready for inference.

    Raise EncodeError naming the card's field if the folder is none, its weights may not be read, or some are missing.
    """
    if compute not in COMPUTE:
        raise UsageError(
            f"compute: {compute!r} is no dtype to compute in", hint=f"one of {', '.join(COMPUTE)}"
        )
    folder, config = _checked_folder(spec)
    files = weight_files(folder, allow_pickle=spec.allow_pickle, card_path=f"{spec.card_path}.model")
    is_safe = any(file.suffix == ".safetensors" for file in files)
    with quiet_transformers() as transformers:
        loader = _loader(transformers, spec, config)
        try:
            model, info = loader.from_pretrained(
                str(folder),
                dtype=getattr(load_torch(), compute),
                use_safetensors=is_safe,
                weights_only=True,
                local_files_only=True,
                trust_remote_code=spec.trust_remote_code,
                output_loading_info=True,
            )
        except Exception as error:  # transformers raises anything of a folder that does not fit
            raise EncodeError(
                f"{spec.card_path}.model: the model {spec.model_path.name} cannot be loaded: {_reason(error)}",
                hint=_hint(spec, config),
            ) from error
    _check_whole(spec, info)
    if getattr(model.config, "use_cache", None):
        model.config.use_cache = False  # keys and values are for the next token, and there is none
    return model.eval().to(device)


def load_layers(spec: EncoderSpec, device: str) -> tuple[Any, ...]:
    """Return the card's `dense` layers as torch modules, float32 on the device, in order.

    Raise EncodeError if their weights may not be read or do not fit one another.
    """
    torch = load_torch()
    activations = {
        "gelu": torch.nn.GELU,
        "identity": torch.nn.Identity,
        "relu": torch.nn.ReLU,
        "sigmoid": torch.nn.Sigmoid,
        "silu": torch.nn.SiLU,
        "tanh": torch.nn.Tanh,
    }
    layers = []
    for number, entry in enumerate(spec.dense):
        where = f"{spec.card_path}.dense[{number}]"
        file = dense_weights(spec.model_path / entry["path"], allow_pickle=spec.allow_pickle)
        tensors = _tensors(file)
        weight, bias = tensors.pop("linear.weight", None), tensors.pop("linear.bias", None)
        if weight is None or tensors:
            named = ", ".join(sorted(tensors)) or "no linear.weight"
            raise EncodeError(f"{where}.path: {file.name} of {entry['path']} is no Dense module: {named}")
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        with torch.no_grad():
            linear.weight.copy_(weight)
            if bias is not None:
                linear.bias.copy_(bias)
        layers.append(torch.nn.Sequential(linear, activations[entry["activation"]]()).eval().to(device))
    return tuple(layers)


def inner_folder(folder: Path, chain: Chain | None) -> Path:
    """Return the transformers folder within a model folder: itself, unless sentence-transformers keeps it below."""
    return folder / chain.inner if chain else folder


def _tensors(file: Path) -> dict[str, Any]:
    torch = load_torch()
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(str(file)))
        return dict(torch.load(str(file), map_location="cpu", weights_only=True))
    except Exception as error:  # safetensors and pickle have errors of their own
        raise EncodeError(f"{file} cannot be read: {_reason(error)}") from error


def _checked_folder(spec: EncoderSpec) -> tuple[Path, dict[str, Any]]:
    where = f"{spec.card_path}.model"
    folder = inner_folder(spec.model_path, read_chain(spec.model_path))
    if not (folder / "config.json").is_file():
        raise EncodeError(
            f"{where}: {folder} is not a transformers model folder (no config.json)",
            hint="save the model with save_pretrained, and point the card at that folder",
        )
    config = read_json(folder / "config.json")
    if config.get("model_type") in RANDOM:
        raise EncodeError(
            f"{where}: {config['model_type']} hides patches at random, so no vector comes twice",
            hint="save its encoder as a ViT, and use that",
        )
    elsewhere = sorted({str(code) for code in (config.get("auto_map") or {}).values() if "--" in str(code)})
    if spec.trust_remote_code and elsewhere:
        raise EncodeError(
            f"{where}: its code lies in another repository ({elsewhere[0]}), which nothing pins",
            hint="copy the .py files into the model's folder, and name them in config.json without `--`",
        )
    return folder, config


def _loader(transformers: Any, spec: EncoderSpec, config: dict[str, Any]) -> Any:
    """Return the Auto class: of an encoder-decoder, the encoder alone where transformers has a class for it."""
    if spec.modality != "text":
        return transformers.AutoModel
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

    own = str(MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.get(config.get("model_type"), ""))
    return transformers.AutoModelForTextEncoding if own.endswith("EncoderModel") else transformers.AutoModel


def _check_whole(spec: EncoderSpec, info: dict[str, Any]) -> None:
    """Refuse a model some of whose weights would be random, or whose file holds weights that nothing takes in."""
    name, where = spec.model_path.name, f"{spec.card_path}.model"
    # What is missing is drawn at random. Only a plain encoder's pooler may be, where it is not asked.
    missing = sorted(
        key for key in info["missing_keys"] if spec.pooling == "pooler" or not key.startswith("pooler.")
    )
    if missing:
        raise EncodeError(
            f"{where}: the model {name} lacks {len(missing)} weights, the first {missing[0]}: they would be "
            "random numbers"
        )
    unexpected = sorted(key for key in info["unexpected_keys"] if not _is_head(key))
    if unexpected:
        shown = ", ".join(unexpected[:_SHOWN]) + (", ..." if len(unexpected) > _SHOWN else "")
        raise EncodeError(
            f"{where}: the model {name} has {len(unexpected)} weights that its class does not use: {shown}",
            hint="if embeddings need none of them: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)",
        )


def _is_head(key: str) -> bool:
    return key.partition(".")[0] in _HEADS or key.endswith("position_ids")


def _hint(spec: EncoderSpec, config: dict[str, Any]) -> str | None:
    if config.get("auto_map") and not spec.trust_remote_code:
        return "it comes with code of its own: read it, then `trust_remote_code: true` under model"
    return None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
