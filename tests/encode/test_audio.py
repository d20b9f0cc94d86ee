"""Sound of every kind, and what is wrong with it: a reason for the item, never a silent row."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_audio import RATE, soundfile, tone, transformers, wav

from embver.encode.audio import AudioSteps
from embver.encode.audio_reading import audio_software
from embver.encode.blob import Blob, stamp_of
from embver.encode.preprocessing import parse_steps
from embver.encode.spec import Item
from embver.errors import EncodeError

pytestmark = pytest.mark.torch

DECODE = {"step": "decode", "library": "soundfile"}
MONO = {"step": "mono", "channels": "mean"}
RESAMPLE = {"step": "resample", "rate": RATE, "method": "soxr_hq"}
TRUNCATE = {"step": "truncate", "seconds": 1, "keep": "start"}
PLAIN = [DECODE, MONO, RESAMPLE]
MEL = {
    "step": "log_mel", "window": "hann", "periodic": True, "frame_length": 400, "hop_length": 160, "fft_length": 512,
    "center": True, "remove_dc_offset": False, "preemphasis": 0, "mel_bins": 16, "frequency_min": 0,
    "frequency_max": 8000, "mel_scale": "htk", "mel_norm": "none", "triangles": "hertz", "log": "log10", "floor": 1e-10,
}  # fmt: skip


def runnable(*steps: dict[str, Any], config: Any = None) -> AudioSteps:
    parsed = parse_steps("audio", steps or PLAIN, path="encoders.audio.preprocessing")
    return AudioSteps.of(parsed, config or transformers.Wav2Vec2Config())


def heard(data: bytes, *steps: dict[str, Any], config: Any = None) -> Any:
    """Return the row of a file's bytes, or the reason why there is none."""
    item = Item(id="a", blob=Blob(name="a.wav", fetch=lambda: data))
    return runnable(*steps, config=config).prepare([item], lambda _: "")[0]


# ---- what is heard


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_depth_is_read(subtype: str) -> None:
    sound = tone(0.5)
    got = heard(wav(sound, subtype=subtype))
    assert np.abs(got - sound).max() <= {"PCM_U8": 1 / 128, "PCM_16": 1 / 32768}.get(subtype, 1e-6)


@pytest.mark.parametrize(
    ("format", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
)
def test_every_format_is_read_and_sought_in(format: str, subtype: str) -> None:  # noqa: A002
    data = wav(tone(3), format=format, subtype=subtype)
    whole = heard(data)
    assert len(whole) == 3 * RATE
    for keep, place in (("start", 0), ("center", RATE), ("end", 2 * RATE)):
        part = heard(data, DECODE, TRUNCATE | {"keep": keep}, MONO, RESAMPLE)
        if subtype == "OPUS":  # its predictor needs a while after a jump
            assert np.abs(part - whole[place : place + RATE]).max() < 0.1
        else:
            assert np.array_equal(part, whole[place : place + RATE])


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_any_rate_is_brought_to_the_cards(rate: int) -> None:
    got = heard(wav(tone(1, rate=rate, pitch=300), rate))
    assert len(got) == RATE
    here = tone(1, pitch=300)
    assert np.corrcoef(got[2000:-2000], here[2000:-2000])[0, 1] > 0.95  # the noise of the two differs
    again = heard(wav(tone(1, rate=rate, pitch=300), rate))
    assert np.array_equal(got, again)
    other = heard(wav(tone(1, rate=rate, pitch=300), rate), DECODE, MONO, RESAMPLE | {"method": "soxr_lq"})
    assert not np.array_equal(got, other)


def test_channels_become_one() -> None:
    sound = tone(0.5, channels=7)
    assert np.array_equal(heard(wav(sound)), sound.mean(axis=1, dtype=np.float32))
    assert np.array_equal(
        heard(wav(sound), DECODE, {"step": "mono", "channels": "left"}, RESAMPLE), sound[:, 0]
    )
    stereo = wav(tone(0.5, rate=44_100, channels=2), 44_100)
    before, after = heard(stereo), heard(stereo, DECODE, RESAMPLE, MONO)
    assert np.abs(before - after).max() < 1e-6


def test_only_what_is_kept_is_decoded(tmp_path: Path) -> None:
    """A clip whose end is damaged can be heard where the end is not asked for."""
    sound = tone(60)
    data = bytearray(wav(sound, format="FLAC", subtype="PCM_16"))
    data[len(data) * 3 // 4 :] = bytes(len(data) - len(data) * 3 // 4)
    assert isinstance(heard(bytes(data)), str)
    got = heard(bytes(data), DECODE, TRUNCATE, MONO, RESAMPLE)
    assert np.abs(got - sound[:RATE]).max() < 1e-4


def test_a_long_file_is_not_read_whole(tmp_path: Path) -> None:
    """Bounded by what the truncate step keeps: 64 MB of sound and one second kept."""
    import tracemalloc

    place = tmp_path / "long.wav"
    with soundfile.SoundFile(place, "w", RATE, 1, "PCM_16") as file:
        for _ in range(20):
            file.write(tone(100))
    item = Item(id="a", blob=Blob.of(place))
    steps = runnable(DECODE, TRUNCATE | {"keep": "end"}, MONO, RESAMPLE)
    tracemalloc.start()
    row = steps.prepare([item], lambda _: "")[0]
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(row) == RATE
    assert peak_bytes < 4 << 20
    stamp = stamp_of(place.stat())
    changed = Item(id="a", blob=Blob(path=place, stamp=(stamp[0], stamp[1] - 1, stamp[2])))
    assert steps.prepare([changed], lambda _: "") == ["changed while the corpus was read"]


@pytest.mark.parametrize(("mode", "expected"), [("zeros", [1, 2, 0, 0, 0, 0, 0]), ("repeat", [1, 2, 1, 2, 1, 2, 1]),
                                                ("repeatpad", [1, 2, 1, 2, 1, 2, 0])])  # fmt: skip
def test_short_clips_are_padded_as_the_card_says(mode: str, expected: list[int]) -> None:
    config = transformers.Wav2Vec2Config(
        conv_dim=(8,), conv_kernel=(2,), conv_stride=(1,), num_feat_extract_layers=1
    )
    pad = {"step": "pad", "seconds": 7 / RATE, "mode": mode}
    got = heard(wav(np.array([0.1, 0.2], np.float32)), DECODE, TRUNCATE | {"seconds": 7 / RATE}, MONO, RESAMPLE, pad,
                config=config)  # fmt: skip
    assert np.array_equal(got, np.array(expected, np.float32) * np.float32(0.1))


def test_silence_is_sound() -> None:
    got = heard(wav(np.zeros(RATE, np.float32)), *PLAIN, {"step": "standardize", "epsilon": 1e-7})
    assert got.shape == (RATE,)
    assert not got.any()


def test_the_versions_that_decide_are_told() -> None:
    found = audio_software()
    assert set(found) == {"libsndfile", "soundfile", "soxr"}
    assert found["libsndfile"] == soundfile.__libsndfile_version__


# ---- what is wrong


def nan_wav() -> bytes:
    sound = tone(0.2)
    sound[100] = np.nan
    return wav(sound)


def longer_than_said(claim: int) -> bytes:
    """Return a wav whose header was never finished, as of a program that writes into a pipe."""
    data = bytearray(wav(tone(0.2), subtype="PCM_16"))
    place = data.index(b"data")
    data[4:8] = data[place + 4 : place + 8] = struct.pack("<I", claim)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a readable sound"),
        (b"this is a text, whatever its name says\n" * 40, "not a readable sound: Format not recognised"),
        (wav(np.zeros((0, 1), np.float32)), "holds no sound"),
        (wav(tone(1), subtype="PCM_16")[:9000], "of 32000 bytes of sound"),
        (wav(tone(1), format="FLAC", subtype="PCM_16")[:9000], "not a readable sound: "),
        (wav(tone(4), format="MP3", subtype="MPEG_LAYER_III")[:9000], "samples"),
        (wav(tone(4), format="OGG", subtype="VORBIS")[:9000], "ends before its last page"),
        (wav(tone(4), format="OGG", subtype="VORBIS")[:-10], "ends before its last page"),
        (nan_wav(), "holds samples that are not numbers"),
        (wav(tone(301)), "lasts 301.0 s, longer than decode's max_seconds of 300; a truncate step cuts it"),
        (wav(tone(399 / RATE)), "has 399 samples at 16000 Hz, the model reads at least 400"),
        (wav(np.ones(1, np.float32)), "has 1 samples at 16000 Hz, the model reads at least 400"),
    ],
    ids=range(12),  # the bytes as names would differ between two collections: a wav's header holds the time
)  # fmt: skip
def test_bad_sound_has_a_reason(data: bytes, reason: str) -> None:
    assert reason in heard(data)


def test_a_header_of_unknown_length_is_not_a_cut_file() -> None:
    assert len(heard(longer_than_said(0xFFFFFFFF))) == 3200


def test_a_resampled_breath_of_sound_is_too_short() -> None:
    assert "shorter than one sample" in heard(wav(np.ones(1, np.float32), 96_000), config=_any_length())
    assert len(heard(wav(np.ones(1, np.float32)), config=_any_length())) == 1


def test_a_spectrogram_needs_a_frame() -> None:
    steps = [*PLAIN, MEL | {"center": False}, {"step": "frames", "count": 4}]
    assert "has 399 samples, too few for frames of 400" in heard(
        wav(tone(399 / RATE)), *steps, config=_any_length()
    )
    assert heard(wav(tone(400 / RATE)), *steps, config=_any_length()).shape == (4, 16)


def test_missing_files_and_items_without_one(tmp_path: Path) -> None:
    steps = runnable()
    rows = steps.prepare(
        [Item(id="a", text="words"), Item(id="b", blob=Blob.of(tmp_path / "gone.wav"))], lambda _: ""
    )
    assert rows == ["has no sound file", "does not exist"]


def _any_length() -> Any:
    return transformers.ASTConfig()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from([("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")]),
    cut=st.integers(0, 4000),
    edits=st.lists(st.tuples(st.integers(0, 3999), st.integers(0, 255)), max_size=6),
)
def test_mutated_files_are_heard_or_have_a_reason(
    kind: tuple[str, str], cut: int, edits: list[tuple[int, int]]
) -> None:
    data = bytearray(wav(tone(0.05), format=kind[0], subtype=kind[1])[:cut])
    for place, value in edits:
        if place < len(data):
            data[place] = value
    got = heard(bytes(data), DECODE, TRUNCATE, MONO, RESAMPLE)
    assert (isinstance(got, str) and got) or np.isfinite(got).all()


# ---- lists of steps that cannot run


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([MONO, RESAMPLE], "exactly one decode step is expected, found none"),
        ([DECODE, RESAMPLE], "exactly one mono step"),
        ([DECODE, MONO], "exactly one resample step"),
        ([DECODE, MONO, MONO, RESAMPLE], "mono appears 2 times"),
        ([DECODE, MONO, TRUNCATE, RESAMPLE], "[2].step: truncate cannot come after mono"),
        ([*PLAIN, {"step": "pad", "mode": "zeros"}], "[3].seconds: either seconds or multiple"),
        ([*PLAIN, {"step": "pad", "mode": "zeros", "seconds": 1}], "longer clips need a truncate step"),
        ([DECODE, TRUNCATE, MONO, RESAMPLE, {"step": "pad", "mode": "zeros", "seconds": 0.5}], "[1].seconds: 1 is longer"),
        ([*PLAIN, {"step": "pad", "mode": "zeros", "multiple": 320}], "[3].mask: true is expected with multiple"),
        ([*PLAIN, {"step": "pad", "mode": "repeat", "multiple": 320, "mask": True}], "[3].mode: zeros is expected"),
        ([*PLAIN, MEL], "spectrograms keep different lengths"),
        ([*PLAIN, MEL | {"frequency_max": 9000}, {"step": "frames", "count": 9}], "at most 8000 is expected, not 9000"),
        ([*PLAIN, MEL | {"fft_length": 256}, {"step": "frames", "count": 9}], "256 is shorter than frame_length"),
        ([*PLAIN, {"step": "frames", "count": 9}], "frames comes after log_mel, which is not there"),
        ([*PLAIN, MEL, {"step": "fusion", "frames": 9, "crops": "start"}], "fusion needs a pad step"),
        ([*PLAIN, {"step": "standardize", "epsilon": 1e-7}, MEL, {"step": "frames", "count": 9}], "goes with samples"),
        ([DECODE, MONO, RESAMPLE | {"method": "linear"}], "[2].method: soxr_vhq or soxr_hq"),
        ([DECODE, MONO, {"step": "resample", "rate": RATE}], "[2].method: missing"),
        ([DECODE, MONO, RESAMPLE | {"rate": 0}], "[2].rate: a whole number from 1"),
        ([*PLAIN, {"step": "log_mell"}], "did you mean 'log_mel'?"),
        ([*PLAIN, {"step": "standardize", "epsilon": 0}], "[3].epsilon: a number above 0"),
    ],
)  # fmt: skip
def test_lists_that_cannot_run_are_refused(steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(EncodeError) as caught:
        parse_steps("audio", steps, path="encoders.audio.preprocessing")
    assert said in caught.value.message


def test_the_schema_and_the_vocabulary_name_the_same_steps() -> None:
    import json

    from embver.encode.audio_vocabulary import AUDIO_STEPS
    from embver.encode.parameters import REQUIRED
    from embver.store.resources import resource_folder

    schema = json.loads((resource_folder("schemas") / "card" / "v1.json").read_text(encoding="utf-8"))[
        "$defs"
    ]
    said = {}
    for case in schema["audio_step"]["allOf"]:
        step = schema[case["then"]["$ref"].rpartition("/")[2]]
        said[case["if"]["properties"]["step"]["const"]] = (set(step["properties"]), set(step["required"]))
    known = {
        name: ({"step", *of}, {"step", *(key for key, each in of.items() if each.default is REQUIRED)})
        for name, of in AUDIO_STEPS.items()
    }
    assert said == known
    assert list(said) == list(AUDIO_STEPS)
