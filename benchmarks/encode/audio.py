"""Audio steps beside the transformers feature extractors: `python -m benchmarks.encode.audio`.

Ten seconds of sound a clip, in memory, at the extractor's own rate, so that both do the same work; then what reading a
file and resampling it cost beside that. All in turns in one process, on one core.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.encode import machine
from benchmarks.encode.rounds import Variant, run_in_turns

SECONDS: Final = 10
_KINDS: Final = {
    "CLAP, unfused": (
        "ClapFeatureExtractor",
        {"truncation": "rand_trunc", "frequency_min": 50},
        "ClapConfig",
    ),
    "AST": ("ASTFeatureExtractor", {}, "ASTConfig"),
    "wav2vec2": ("Wav2Vec2FeatureExtractor", {}, "Wav2Vec2Config"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run all and print one line a variant."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode.audio", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=9, help="medians of so many rounds (default: %(default)s)"
    )
    parser.add_argument("--clips", type=int, default=8, help="how many clips (default: %(default)s)")
    chosen = parser.parse_args(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    torch.set_num_threads(1)
    begun = machine.load_average()
    print(f"{machine.format_machine(machine.describe_machine())}; load {begun:.2f}\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in _KINDS:
            ours, theirs, steps, rate = variants(name, chosen.clips)
            found = run_in_turns([ours, theirs], items=chosen.clips, rounds=chosen.rounds)
            print(
                f"{name}: steps {found['steps'].rate:,.0f} clips/s, extractor {found['extractor'].rate:,.0f} clips/s: "
                f"{found['steps'].speed_over(found['extractor']):.2f}x"
            )
            files = [*written(Path(folder), steps, rate, chosen.clips), ours]
            for timed in run_in_turns(files, items=chosen.clips, rounds=chosen.rounds).values():
                if timed.name != "steps":
                    print(f"  all steps, from a file of {timed.name}: {timed.rate:,.0f} clips/s")
    print(f"\nload {begun:.2f} at the start, {machine.load_average():.2f} at the end")
    return 0


def variants(name: str, clips: int) -> tuple[Variant, Variant, Any, int]:
    """Return the steps' features and the extractor's, of the same samples."""
    import numpy as np
    import transformers

    from embver.encode.audio import AudioSteps
    from embver.encode.preprocessing import parse_steps
    from embver.encode.processor_audio import audio_steps

    extractor_name, settings, config = _KINDS[name]
    extractor = getattr(transformers, extractor_name)(**settings)
    plain = audio_steps(extractor.to_dict()).steps
    steps = AudioSteps.of(parse_steps("audio", plain, path="steps"), getattr(transformers, config)())
    rate = extractor.sampling_rate
    random = np.random.default_rng(0)
    sounds = [(random.standard_normal(SECONDS * rate) * 0.1).astype(np.float32) for _ in range(clips)]

    def ours() -> list[Any]:
        return [steps.of_samples(sound) for sound in sounds]

    def theirs() -> list[Any]:
        return [extractor(sound, sampling_rate=rate) for sound in sounds]

    return Variant(name="steps", run=ours), Variant(name="extractor", run=theirs), steps, rate


def written(folder: Path, steps: Any, rate: int, clips: int) -> list[Variant]:
    """Return a run of all steps over files of some formats and rates."""
    import numpy as np
    import soundfile

    from embver.encode.blob import Blob

    def run(blobs: Sequence[Blob]) -> Callable[[], Any]:
        return lambda: [steps.features(blob) for blob in blobs]

    made = []
    for form, subtype, at in (("WAV", "PCM_16", rate), ("WAV", "PCM_16", 44_100), ("FLAC", "PCM_16", 44_100), ("MP3", "MPEG_LAYER_III", 44_100)):  # fmt: skip
        blobs = []
        for number in range(clips):
            sound = np.random.default_rng(number).standard_normal((SECONDS * at, 2)) * 0.1
            data = io.BytesIO()
            soundfile.write(data, sound, at, format=form, subtype=subtype)
            place = folder / f"{rate}-{number}-{at}.{form.lower()}"
            place.write_bytes(data.getvalue())
            blobs.append(Blob.of(place))
        made.append(Variant(name=f"{form} at {at:,} Hz, stereo", run=run(blobs)))
    return made


if __name__ == "__main__":
    sys.exit(main())
