"""The one place that imports torch and transformers, and pins what would move bits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from embver.errors import EncodeError, MissingExtra


def load_torch() -> Any:
    """Import torch, with waiting threads asleep; raise MissingExtra where it is not installed."""
    # Both are read once, when the runtime starts, so they must be in place before the import. Spinning OpenMP
    # threads made two threads 5-20x slower on a shared machine; cuBLAS refuses deterministic mode without a
    # fixed workspace. A user's own setting wins.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("encode", needed_for="encoding") from error
    return torch


def load_transformers() -> Any:
    """Import transformers (after torch); raise MissingExtra where it is not installed."""
    load_torch()
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra("encode", needed_for="encoding") from error
    return transformers


def load_pillow() -> Any:
    """Import Pillow's Image module; raise MissingExtra where it is not installed."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("encode", needed_for="encoding") from error
    return Image


def load_simplejpeg() -> Any:
    """Import simplejpeg; raise MissingExtra where it is not installed."""
    try:
        import simplejpeg
    except ImportError as error:
        raise MissingExtra("encode", needed_for="decoding with simplejpeg") from error
    return simplejpeg


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """Yield transformers with its log and its bars held back: what matters of a load is checked and raised."""
    transformers = load_transformers()
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def pick_device(wanted: str) -> str:
    """Return the torch device for "auto", "cpu", "cuda" or "cuda:N"; raise EncodeError if it is not there."""
    torch = load_torch()
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.partition(":")[0] not in ("cpu", "cuda"):
        raise EncodeError(f"unknown device {wanted!r}", hint="use auto, cpu, cuda or cuda:N")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise EncodeError(f"device {wanted!r} is not available here", hint="use --device auto or cpu")
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What torch says, read back while a batch runs, of the settings that move bits."""

    deterministic_algorithms: bool
    tf32: bool
    cudnn_benchmark: bool


def read_flags() -> Flags:
    """Read the settings back from torch: what is recorded is what ran."""
    torch = load_torch()
    return Flags(
        deterministic_algorithms=bool(torch.are_deterministic_algorithms_enabled()),
        tf32=bool(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
        cudnn_benchmark=bool(torch.backends.cudnn.benchmark),
    )


def one_thread() -> None:
    """Keep torch, in the calling thread, to this one thread.

    Measured (MKL): two threads cut a product of up to 384 rows along its inner dimension, so that the bits depend on
    how many rows and threads there are; one thread never does. Batches run side by side instead, which is faster too.
    """
    load_torch().set_num_threads(1)


@contextmanager
def strict_mode() -> Iterator[Flags]:
    """Pin determinism and precision for a block, yield the flags read back, and restore all after it."""
    torch = load_torch()
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before, threads = read_flags(), torch.get_num_threads()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    tf32 = (cuda.allow_tf32, cudnn.allow_tf32)
    torch.use_deterministic_algorithms(True)
    cuda.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
    try:
        yield read_flags()
    finally:
        torch.use_deterministic_algorithms(before.deterministic_algorithms, warn_only=warn_only)
        cuda.allow_tf32, cudnn.allow_tf32 = tf32
        cudnn.benchmark = before.cudnn_benchmark
        torch.set_num_threads(threads)  # new threads inherit what `one_thread` said last
