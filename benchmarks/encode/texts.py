"""Texts: the MiniLM and the CLIP shape in float32, bfloat16 where it is asked for, and what the strict profile costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.encode import ours, peers
from benchmarks.encode.inputs import make_texts
from benchmarks.encode.models import SHAPES, Shape, save_model, text_steps
from benchmarks.encode.options import Options
from benchmarks.encode.rounds import Bar, Measured, Variant, run_in_turns, time_once

_BUDGETS: Final = (256, 512, 1024, 2048)
_ITEMS: Final = {"minilm": 1000, "clip-text": 320}
_OVER_PEER: Final = {"minilm": 1.15, "clip-text": 1.3}
ST: Final = "sentence-transformers"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bench:
    """A shape's model on disk, the texts, and their tokens."""

    shape: Shape
    folder: Any
    texts: list[str]
    tokens: list[list[int]]
    options: Options

    @classmethod
    def of(cls, name: str, options: Options, usual: int | None = None) -> _Bench:
        from transformers import AutoTokenizer

        shape = SHAPES[
            "tiny-text" if options.is_tiny and name == "minilm" else "tiny" if options.is_tiny else name
        ]
        folder = save_model(options.folder / shape.name, shape)
        texts = make_texts(options.items_or(usual or _ITEMS[name]), longest=shape.longest)
        tokens = AutoTokenizer.from_pretrained(folder)(texts, truncation=True, max_length=shape.longest)[
            "input_ids"
        ]
        return cls(shape=shape, folder=folder, texts=texts, tokens=tokens, options=options)

    def raw(self, model: Any, budget: int) -> Callable[[], Any]:
        batches = peers.bucketed(self.tokens, budget=budget)

        def run() -> Any:
            return peers.raw(
                model,
                batches,
                threads=self.options.threads,
                count=len(self.texts),
                dimensions=self.shape.dimensions,
            )

        return run

    def raw_variants(self, model: Any, label: str = "raw forward") -> list[Variant]:
        """Return the raw forward at the two best of the token budgets."""
        runs = {budget: self.raw(model, budget) for budget in _BUDGETS}
        best = peers.best_of(runs, keep=2, time=lambda run: time_once(run)[0])
        return [Variant(name=f"{label}, {budget:,} tokens a batch", run=runs[budget]) for budget in best]

    def ours(self, profile: str, compute: str = "float32", **plan: Any) -> Callable[[], Any]:
        encoder = ours.load(
            self.shape,
            self.folder,
            "text",
            text_steps(self.shape),
            threads=self.options.threads,
            compute=compute,
        )
        return ours.encoding(encoder, ours.text_items(self.texts), profile, **plan)

    def peer(self, dtype: str = "float32") -> Callable[[], Any]:
        model = peers.sentence_transformer(
            self.folder, is_dual=self.shape.is_dual, longest=self.shape.longest, dtype=dtype
        )
        return lambda: peers.encode_sentences(model, self.texts)

    def loop(self, model: Any) -> Callable[[], Any]:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        return lambda: peers.loop_texts(model, tokenizer, self.texts, longest=self.shape.longest)


def float32(name: str, options: Options) -> Measured:
    """Measure one shape in float32 against the raw forward, sentence-transformers and a loop."""
    bench = _Bench.of(name, options)
    model = peers.load_model(bench.folder)
    raw = bench.raw_variants(model)
    others = [
        Variant(name=ST, run=bench.peer()),
        Variant(name="transformers loop", run=bench.loop(model), at_most=3),
        Variant(name="embver strict", run=bench.ours("strict")),
        Variant(name="embver fast", run=bench.ours("fast")),
    ]
    notes = _agreement(others, raw[0])
    timed = run_in_turns([*raw, *others], items=len(bench.texts), rounds=options.rounds)
    limit = max((timed[variant.name] for variant in raw), key=lambda one: one.rate)
    best = max(
        (timed[key] for key in ("embver strict", "embver fast")), key=lambda one: one.speed_over(limit)
    )
    bars = [
        Bar(what=f"{best.name} : raw forward", reached=best.speed_over(limit), at_least=0.97),
        Bar(what=f"embver strict : {ST}", reached=timed["embver strict"].speed_over(timed[ST]),
            at_least=_OVER_PEER[name]),
        Bar(what=f"embver fast : {ST}", reached=timed["embver fast"].speed_over(timed[ST]), at_least=_OVER_PEER[name]),
        _strict_bar(timed),
    ]  # fmt: skip
    lengths = sorted(len(row) for row in bench.tokens)
    return Measured(
        case=f"text-{name.removesuffix('-text')}",
        what=f"{len(bench.texts)} texts, mean {sum(lengths) / len(lengths):.1f} and p99 "
        f"{lengths[int(0.99 * len(lengths))]} tokens, float32, {options.threads} thread(s)",
        timed=list(timed.values()),
        limit=limit.name,
        peer=ST,
        bars=bars,
        notes=notes,
    )


def bfloat16(options: Options) -> Measured:
    """Measure both shapes' bfloat16 against sentence-transformers in float32, on the MiniLM shape."""
    bench = _Bench.of("minilm", options)
    single = peers.load_model(bench.folder)
    half = peers.load_model(bench.folder, "bfloat16")
    raw = bench.raw_variants(half, "raw forward bf16")
    others = [
        Variant(name=ST, run=bench.peer()),
        Variant(name=f"{ST} bf16", run=bench.peer("bfloat16")),
        Variant(name="embver strict float32", run=bench.ours("strict")),
        Variant(name="embver strict bf16", run=bench.ours("strict", "bfloat16")),
        Variant(name="embver fast bf16", run=bench.ours("fast", "bfloat16")),
    ]
    notes = _agreement(others, Variant(name="raw forward in float32", run=bench.raw(single, 512)))
    timed = run_in_turns([*raw, *others], items=len(bench.texts), rounds=options.rounds)
    limit = max((timed[variant.name] for variant in raw), key=lambda one: one.rate)
    bars = [
        Bar(what=f"{key} : {ST} (float32)", reached=timed[key].speed_over(timed[ST]), at_least=2.0)
        for key in ("embver strict bf16", "embver fast bf16")
    ]
    return Measured(
        case="text-bf16",
        what=f"{len(bench.texts)} texts, {bench.shape.name}, bfloat16 weights, {options.threads} thread(s)",
        timed=list(timed.values()),
        limit=limit.name,
        peer=ST,
        bars=bars,
        notes=notes,
    )


def strict_cost(options: Options) -> Measured:
    """Measure the strict profile against the fast one alone, at one token budget and at each profile's own."""
    # Texts of one length share a batch: of few texts many batches are small, which no corpus pays for.
    bench = _Bench.of("minilm", options, usual=4000)
    variants = [
        Variant(name="embver fast", run=bench.ours("fast")),
        Variant(name="embver strict", run=bench.ours("strict")),
        Variant(name="embver fast, 512 tokens", run=bench.ours("fast", tokens=512)),
        Variant(name="embver strict, 512 tokens", run=bench.ours("strict", tokens=512)),
    ]
    timed = run_in_turns(variants, items=len(bench.texts), rounds=options.rounds)
    return Measured(
        case="strict-cost",
        what=f"{len(bench.texts)} texts, {bench.shape.name}, float32, {options.threads} thread(s)",
        timed=list(timed.values()),
        limit="embver fast",
        bars=[_strict_bar(timed), _strict_bar(timed, ", 512 tokens")],
    )


def _strict_bar(timed: dict[str, Any], suffix: str = "") -> Bar:
    strict, fast = timed[f"embver strict{suffix}"], timed[f"embver fast{suffix}"]
    return Bar(what=f"time of strict : fast{suffix}", reached=fast.speed_over(strict), at_most=1.12)


def _agreement(variants: list[Variant], truth: Variant) -> list[str]:
    """Run every variant once and say how far its rows are from the truth's: what is compared does the same work."""
    rows = truth.run()
    notes = []
    for variant in variants:
        p99, greatest = peers.distance(variant.run(), rows)
        notes.append(f"1-cos of {variant.name} to {truth.name}: p99 {p99:.1e}, greatest {greatest:.1e}")
    return notes
