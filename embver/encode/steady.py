"""Keep the bits of linear layers, whatever the number of rows that happen to share a batch.

Measured on CPUs with AVX-512 (MKL, oneDNN; one thread; widths 96 to 4,096): attention, convolutions and norms give an
item the same bits in any batch. Matrix products do not. In float32, products of 1 to 15 rows take another path than
those of 16 and more, which all agree. In bfloat16 oneDNN cuts a product by its number of rows, so that only products
of one shape agree. So in strict no float32 layer sees fewer than 16 rows, and one of lower precision sees blocks of
always 256: then no item has to be encoded for nothing but to fill a batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from embver.encode.batches import LEAST_ROWS
from embver.encode.models import LoadedEncoder
from embver.encode.runtime import load_torch

BLOCK_ROWS: Final = 256
_VECTOR: Final = 32  # numbers of two bytes in a register of 512 bits

_OTHER_TOWERS: Final = {
    "text": ("vision", "visual", "audio"),
    "image": ("text", "audio"),
    "audio": ("text", "vision", "visual"),
}
_THREAD = threading.local()


def is_steady(encoder: LoadedEncoder) -> bool:
    """Tell whether all of an encoder's matrix products are linear layers, which `steady_linears` can keep steady."""
    torch = load_torch()
    convolutions = (torch.nn.Conv1d, torch.nn.Conv2d)
    others = _OTHER_TOWERS.get(encoder.spec.modality, ())
    for name, module in _modules(encoder):
        if (encoder.is_dual and name.startswith(others)) or isinstance(module, convolutions):
            continue
        if isinstance(module, torch.nn.Embedding):
            continue
        if isinstance(module, torch.nn.Linear):
            # An activation goes by vectors of numbers, and what is left at the end it computes singly, otherwise.
            if module.out_features % _VECTOR:
                return False
            continue
        # Tables of one row, as class tokens and places, are added to each item: no product.
        if any(value.dim() > 1 and value.shape[0] > 1 for value in module.parameters(recurse=False)):
            return False
    return True


def steady_linears(encoder: LoadedEncoder) -> None:
    """Teach the encoder's linear layers to keep their bits inside of `steady`; outside they do what they did."""
    torch = load_torch()
    for _, module in _modules(encoder):
        is_plain = isinstance(module, torch.nn.Linear) and type(module).forward is torch.nn.Linear.forward
        if is_plain and "forward" not in vars(module):
            module.forward = partial(_forward, module.forward)


@contextmanager
def steady() -> Iterator[None]:
    """Keep the bits of linear layers in this thread."""
    before = getattr(_THREAD, "is_steady", False)
    _THREAD.is_steady = True
    try:
        yield
    finally:
        _THREAD.is_steady = before


def _modules(encoder: LoadedEncoder) -> Iterator[tuple[str, Any]]:
    for part in (encoder.model, *encoder.layers):
        yield from part.named_modules()


def _forward(linear: Callable[[Any], Any], inputs: Any) -> Any:
    """Return what the layer gives of inputs (..., width), from products whose number of rows moves no bit."""
    if not getattr(_THREAD, "is_steady", False):
        return linear(inputs)
    torch = load_torch()
    rows = inputs.numel() // inputs.shape[-1]
    is_exact = inputs.dtype == torch.float32
    size = LEAST_ROWS if is_exact else BLOCK_ROWS
    if rows in (0, size) or (is_exact and rows > size):
        return linear(inputs)
    flat = inputs.reshape(rows, inputs.shape[-1])
    whole = rows // size * size
    parts = [linear(flat[start : start + size]) for start in range(0, whole, size)]
    if whole < rows:
        filled = flat.new_zeros(size, flat.shape[1])
        filled[: rows - whole] = flat[whole:]
        parts.append(linear(filled)[: rows - whole])
    made = parts[0] if len(parts) == 1 else torch.cat(parts)
    return made.reshape(*inputs.shape[:-1], made.shape[-1])
