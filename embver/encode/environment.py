"""Describe the machine and the software that encoded: by allow-list, never names, paths or variables."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from embver import __version__
from embver.digest import digest_plain
from embver.encode import machine
from embver.encode.audio_reading import audio_software
from embver.encode.models import LoadedEncoder
from embver.encode.profiles import profile_mode
from embver.encode.runtime import load_pillow, load_torch

# Equal fingerprints promise equal bytes: what raises it is a change of what the fingerprint is taken of, and any change
# of embver that gives other bits for the same inputs (batch shapes, pooling, a step's arithmetic).
RECIPE: Final = 1
PREFIX: Final = "env:"
PARTS: Final = ("precision", "flags", "hardware", "software")
# What says how fast, how much or how many, and decides no bit: strict rows depend on neither threads nor cores.
_NO_BITS: Final = frozenset(
    {
        "software.embver",
        "flags.threads",
        "hardware.count",
        "hardware.memory_gib",
        "hardware.cores",
        "hardware.memory_ram_gib",
    }
)
# What a step or a modality brings in. A library that a step names by its package's own name needs no line.
_ALWAYS: Final = ("torch", "transformers", "numpy")
_BY_MODALITY: Final[Mapping[str, tuple[str, ...]]] = {"text": ("tokenizers",), "image": ("pillow",)}
_BY_NAME: Final = ("simplejpeg", "torchvision", "opencv-python")


def describe_environment(
    encoders: Iterable[LoadedEncoder], *, profile: str = "strict", accelerators: int = 1
) -> dict[str, Any]:
    """Return a card's encode.precision, .flags, .hardware, .software and .environment, read back from what runs.

    Keys whose value is not known are absent. The flags are read inside of the profile's mode, where the batches run.
    `accelerators` is how many took part. `environment` is the fingerprint of the rest.
    """
    loaded = list(encoders)
    on_accelerator = next((each.device for each in loaded if each.device.startswith("cuda")), None)
    hardware = machine.hardware(on_accelerator)
    if on_accelerator is not None:
        hardware["count"] = accelerators
    record: dict[str, Any] = {
        "precision": _precision(loaded),
        "flags": _known(_flags(loaded, profile)),
        "hardware": _known(hardware),
        "software": _known(_software(loaded, on_accelerator is not None)),
    }
    return {**record, "environment": fingerprint(record)}


def fingerprint(record: Mapping[str, Any]) -> str:
    """Return `env:sha256:<hex>` over what of a card's `encode` decides bits: not speed, time, count or memory."""
    return f"{PREFIX}{digest_plain({'recipe': RECIPE, 'environment': deciding(record)})}"


def deciding(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the fingerprint is taken of, by their path below `encode`."""
    return {
        f"{part}.{key}": value
        for part in PARTS
        for key, value in (record.get(part) or {}).items()
        if f"{part}.{key}" not in _NO_BITS
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field in which two environments differ; None where one does not have it."""

    field: str  # as `software.torch`
    before: Any
    after: Any

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of an entry in JSON."""
        return {"field": self.field, "before": self.before, "after": self.after}

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"{self.field} {_shown(self.before)} -> {_shown(self.after)}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the fields that decide bits and differ between two records, in the order of the later one."""
    there, here = deciding(before), deciding(after)
    fields = dict.fromkeys([*here, *there])
    return tuple(
        Difference(field=field, before=there.get(field), after=here.get(field))
        for field in fields
        if there.get(field) != here.get(field)
    )


def packages_of(encoders: Sequence[LoadedEncoder]) -> tuple[str, ...]:
    """Return the packages that take part in encoding, by name on the registry: the card's steps say which."""
    found = [*_ALWAYS]
    for encoder in encoders:
        found += _BY_MODALITY.get(encoder.spec.modality, ())
        named = {str(value).lower() for step in encoder.spec.preprocessing for value in step.values()}
        found += [package for package in _BY_NAME if package in named]
    return tuple(dict.fromkeys(found))


def _precision(encoders: Sequence[LoadedEncoder]) -> dict[str, Any]:
    weights = _all_of(each.weights_dtype for each in encoders) or "float32"
    compute = _all_of(each.compute for each in encoders) or weights
    return {"weights": weights, "compute": compute, "pooling": "float32"}


def _flags(encoders: Sequence[LoadedEncoder], profile: str) -> dict[str, Any]:
    torch = load_torch()
    with profile_mode(profile) as flags:
        sdpa = {
            "flash": torch.backends.cuda.flash_sdp_enabled(),
            "efficient": torch.backends.cuda.mem_efficient_sdp_enabled(),
            "cudnn": torch.backends.cuda.cudnn_sdp_enabled(),
            "math": torch.backends.cuda.math_sdp_enabled(),
        }
        return {
            "deterministic_algorithms": flags.deterministic_algorithms,
            "tf32": flags.tf32,
            "cudnn_benchmark": flags.cudnn_benchmark,
            "attention": _all_of(encoder.attention for encoder in encoders),
            "sdpa": _all_of(name for name, is_on in sdpa.items() if is_on),
            "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
            "onednn": bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled),
            "threads": max((encoder.threads for encoder in encoders), default=None),
        }


def _software(encoders: Sequence[LoadedEncoder], on_accelerator: bool) -> dict[str, Any]:
    torch = load_torch()
    record: dict[str, Any] = {"embver": __version__, "python": platform.python_version()}
    record |= {package: _version(package) for package in packages_of(encoders)}
    if any(encoder.spec.modality == "audio" for encoder in encoders):
        record |= audio_software()
    if "pillow" in record:
        record["libjpeg_turbo"] = _libjpeg()
    record["torch"] = str(torch.__version__)  # with its build, as +cpu or +cu130, which decides about kernels
    record |= machine.math_libraries(torch.__config__.show())
    if on_accelerator:
        record |= {"cuda": torch.version.cuda, "cudnn": machine.cudnn(torch.backends.cudnn.version())}
    return record | {"os": platform.system()}


def _libjpeg() -> str | None:
    """Return the version of the JPEG library that Pillow was built with: another one may decode other pixels."""
    load_pillow()
    from PIL import features

    found = features.version_feature("libjpeg_turbo")
    return str(found) if found else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value is not None}


def _all_of(words: Iterable[str]) -> str | None:
    return " and ".join(sorted(set(words))) or None


def _shown(value: Any) -> str:
    return "not known" if value is None else " ".join(value) if isinstance(value, list) else str(value)
