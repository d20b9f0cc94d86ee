"""Read tensors that torch saved, and nothing else that a file of torch could hold or run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.errors import EncodeError, MissingExtra

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_tensor_file(path: Path) -> dict[str, NDArray[Any]]:
    """Return the matrices of a `.pt` file by name, "" for a bare tensor; bfloat16 as float32, which holds it exactly.

    Loaded with `weights_only`: a file that wants to run code is refused with EncodeError.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("encode", needed_for=f"reading {path.name}") from None
    import pickle

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EncodeError(f"{path.name} is no file of tensors alone: {why[:200]}") from error
    named = loaded if isinstance(loaded, Mapping) else {"": loaded}
    found = {}
    for name, tensor in named.items():
        if isinstance(tensor, torch.Tensor):
            plain = tensor.detach().to(torch.float32) if tensor.dtype == torch.bfloat16 else tensor.detach()
            found[str(name)] = plain.contiguous().numpy()
    return found
