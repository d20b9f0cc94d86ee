"""From a model's outputs to one row an item: the features of a dual encoder, or hidden states pooled in float32."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from embver.encode.runtime import load_torch
from embver.encode.spec import EncoderSpec
from embver.errors import EncodeError

# Of a dual encoder: the part that sees a modality, and the projection after it.
PARTS: Final = MappingProxyType({
    "text": ("text_model", "text_projection"),
    "image": ("vision_model", "visual_projection"),
    "audio": ("audio_model", "audio_projection"),
})  # fmt: skip


def is_dual(model: Any, modality: str) -> bool:
    """Tell whether a model has features of its own for a modality, as CLIP and SigLIP do."""
    return hasattr(model, f"get_{modality}_features")


def rows_of(model: Any, spec: EncoderSpec, inputs: Mapping[str, Any]) -> Any:
    """Return one row an item, a tensor (n, width), of a batch of model inputs; float32 where it was pooled here.

    Raise EncodeError if the model gives something else than rows.
    """
    take = _features if is_dual(model, spec.modality) else _pooled
    rows = take(model, spec, inputs)
    if not hasattr(rows, "dim") or rows.dim() != 2:
        shape = tuple(rows.shape) if hasattr(rows, "shape") else type(rows).__name__
        raise EncodeError(f"{spec.card_path}.model: gives {shape} for a batch, and no vector an item")
    return rows


def _features(model: Any, spec: EncoderSpec, inputs: Mapping[str, Any]) -> Any:
    if spec.projection is False:
        return getattr(model, PARTS[spec.modality][0])(**inputs).pooler_output
    output = getattr(model, f"get_{spec.modality}_features")(**inputs)
    # A tensor until transformers 5, an output whose pooler_output holds the projected rows since.
    return output if isinstance(output, load_torch().Tensor) else output.pooler_output


def _pooled(model: Any, spec: EncoderSpec, inputs: Mapping[str, Any]) -> Any:
    is_seq2seq = getattr(model.config, "is_encoder_decoder", False)
    output = (model.get_encoder() if is_seq2seq else model)(**inputs)
    if spec.pooling == "pooler":
        pooled = getattr(output, "pooler_output", None)
        if pooled is None:
            raise EncodeError(
                f"{spec.card_path}.pooling: {model.config.model_type} has no pooled output of its own"
            )
        return pooled.flatten(1).float()  # convolutional networks keep their map, of one place
    hidden = output.last_hidden_state.float()
    if hidden.dim() == 4:  # a map (n, channels, height, width): its places are what is pooled
        hidden = hidden.flatten(2).transpose(1, 2)
    mask = inputs.get("attention_mask")
    if mask is not None and mask.shape[1] != hidden.shape[1]:
        mask = _frames(model, spec, mask, hidden.shape[1])
    return pool(hidden, mask, spec.pooling)


def _frames(model: Any, spec: EncoderSpec, mask: Any, length: int) -> Any:
    """Return the mask of the hidden states where the model shortens its input, as networks of sound do."""
    if spec.modality == "audio":
        from embver.encode.audio_features import frame_mask

        return frame_mask(model, mask, length)
    raise EncodeError(
        f"{spec.card_path}.pooling: {model.config.model_type} gives {length} hidden states for {mask.shape[1]} places, "
        "so that nothing tells which of them are padding"
    )


def pool(hidden: Any, mask: Any, pooling: str | None) -> Any:
    """Pool hidden states (n, length, width) to (n, width) in float32; fp16 pooling is known to ruin scores.

    The formulas are those of sentence-transformers 6.2; `mask` (n, length) is None where every place counts.
    """
    torch = load_torch()
    if mask is None:
        mask = torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)
    places = torch.arange(hidden.shape[1], device=hidden.device)
    rows = torch.arange(hidden.shape[0], device=hidden.device)
    if pooling == "cls":
        return hidden[rows, mask.argmax(dim=1)]  # the first attended place, whichever side is padded
    if pooling == "last":
        return hidden[rows, (mask * places).argmax(dim=1)]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    if pooling == "max":
        return hidden.masked_fill(weights == 0, float("-inf")).amax(dim=1)
    if pooling == "weighted_mean":
        weights = weights * mask.cumsum(dim=1).unsqueeze(-1)  # 1 for the first token, 2 for the next
    total = (hidden * weights).sum(dim=1)
    size = weights.sum(dim=1)
    return total / (size.sqrt() if pooling == "mean_sqrt_len" else size)
