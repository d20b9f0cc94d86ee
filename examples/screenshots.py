"""Take the pictures of README and documentation anew, from the built demo: `make screenshots` after `make demo`.

Needs Chromium or Chrome; the pictures go to site/assets. Another demo than build/demo: `examples/screenshots.py DIR`, once
`embver -C DIR site --build` wrote its site. The refusal is the terminal's own text, as the demo kept it; the
trace is typed once more, and finds what it encoded.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "build" / "demo"
PICTURES = ROOT / "site" / "assets"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
LARGEST_BYTES = 150_000
COLOURS = 128
COLUMNS, WIDE_COLUMNS = 104, 156
LINE_PX = 25
TRACE = ("trace", "emoji", "--metric", "hit@10", "--benchmark", "emoji-as-typed", "--ablate")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture: a page, as a window of this size shows it at twice the pixels, scaled down again."""

    name: str
    page: Path
    width: int
    height: int


def main() -> int:
    """Take every picture; return the exit code."""
    browser = find_browser()
    demo = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO
    site = demo / "build" / "site"
    refusal = demo / ".git" / "demo-refusal"
    if browser is None:
        print("no Chromium or Chrome was found", file=sys.stderr)
        return 3
    if not (site / "index.html").is_file() or not refusal.is_file():
        print("there is no demo yet: make demo", file=sys.stderr)
        return 3
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        terminal, trace = Path(scratch) / "refusal.html", Path(scratch) / "trace.html"
        page, lines = terminal_page(refusal.read_text(encoding="utf-8"))
        terminal.write_text(page, encoding="utf-8")
        page, trace_lines = terminal_page(traced(demo), columns=WIDE_COLUMNS)
        trace.write_text(page, encoding="utf-8")
        shots = (
            Shot(name="start.png", page=site / "index.html", width=1360, height=860),
            Shot(name="version.png", page=site / "changelog/emoji/1.1.0.html", width=1360, height=860),
            Shot(name="refusal.png", page=terminal, width=1000, height=lines * LINE_PX + 120),
            Shot(name="trace-page.png", page=site / "changelog/emoji/trace.html", width=1360, height=1400),
            Shot(name="trace.png", page=trace, width=1420, height=trace_lines * LINE_PX + 120),
        )
        for shot in shots:
            picture = Path(scratch) / shot.name
            take(browser, shot, picture, Path(scratch) / "profile")
            shrink(picture, PICTURES / shot.name)
            print(f"wrote site/assets/{shot.name}, {(PICTURES / shot.name).stat().st_size:,} bytes")
    return 0


def find_browser() -> str | None:
    """Return a browser that can take pictures, or None."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return found or (str(MAC) if MAC.is_file() else None)


def take(browser: str, shot: Shot, picture: Path, profile: Path) -> None:
    """Photograph a page."""
    argv = [browser, *FLAGS, f"--user-data-dir={profile}", f"--window-size={shot.width},{shot.height}"]
    argv += ["--force-device-scale-factor=2", "--virtual-time-budget=4000", f"--screenshot={picture}"]
    done = subprocess.run(
        [*argv, shot.page.resolve().as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    if not picture.is_file():
        raise SystemExit(f"{shot.name}: the browser took no picture\n{done.stderr[-2000:]}")


def shrink(picture: Path, target: Path) -> None:
    """Write a picture with a palette, small enough for a README."""
    from PIL import Image

    with Image.open(picture) as full:
        rgb = full.convert("RGB")
    for width in (rgb.width, rgb.width * 3 // 4, rgb.width * 5 // 8, rgb.width // 2):
        size = (width, rgb.height * width // rgb.width)
        small = rgb if size == rgb.size else rgb.resize(size, Image.Resampling.LANCZOS)
        # The default method drops colours that few pixels have: a badge, a mark on a chart.
        few = small.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(target, optimize=True)
        if target.stat().st_size <= LARGEST_BYTES:
            return
    raise SystemExit(f"{target.name} is larger than {LARGEST_BYTES:,} bytes")


# ---- the terminal


def traced(demo: Path) -> str:
    """Type the trace of a demo's last release, and return command and answer."""
    embver = str(Path(sys.executable).with_name("embver"))
    done = subprocess.run([embver, *TRACE], cwd=demo, check=True, stdout=subprocess.PIPE, text=True)
    return f"$ embver {' '.join(TRACE)}\n{done.stdout}"


def terminal_page(told: str, *, columns: int = COLUMNS) -> tuple[str, int]:
    """Return what a terminal told as a page that looks like one, and how many lines it has."""
    lines = [line for text in told.rstrip("\n").splitlines() for line in wrapped(text, columns)]
    body = "\n".join(coloured(line) for line in lines)
    return PAGE.replace("@BODY", body), len(lines)


def wrapped(text: str, columns: int) -> list[str]:
    """Break a line where a terminal would, between words, and indent what follows."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    lines, line = [], ""
    for word in re.findall(r"\S+\s*|^\s+", text):
        if len(line + word.rstrip()) > columns and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word
    return [*lines, line.rstrip()]


def coloured(line: str) -> str:
    """Return a line with the colours that embver gives it on a terminal."""
    text = html.escape(line, quote=False)
    if text.startswith("$ "):
        return f'<span class="prompt">$</span> <b>{text[2:]}</b>'
    if text.startswith("✗ "):
        return f'<span class="bad">✗</span> <b>{text[2:]}</b>'
    if text.startswith("next:"):
        return f'<span class="dim">next:</span>{text[5:]}'
    if text.startswith("(exit code"):
        return f'<span class="dim">{text}</span>'
    text = re.sub(
        r"(█+)", r'<span class="bad">\1</span>' if " -0." in text else r'<span class="prompt">\1</span>', text
    )
    text = re.sub(r"\b(\d+(?:\.\d+)?%)", r"<i>\1</i>", text)
    return re.sub(r"\b(incompatible|MAJOR)\b", r'<span class="bad">\1</span>', text)


PAGE = """<!doctype html>
<meta charset="utf-8">
<style>
  body { margin: 0; background: #f3f4f8; padding: 24px; }
  .window { background: #151826; border-radius: 10px; overflow: hidden; box-shadow: 0 8px 26px #1c203340; }
  .bar { height: 34px; background: #22263a; display: flex; align-items: center; gap: 8px; padding: 0 14px; }
  .bar span { width: 12px; height: 12px; border-radius: 50%; background: #3c4260; }
  .bar em { color: #8a90ab; font: 13px/1 system-ui, sans-serif; margin: auto; padding-right: 60px; }
  pre { margin: 0; padding: 16px 20px 18px; color: #dfe2f0; overflow: hidden;
        font: 14px/25px ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace; }
  b { color: #fff; font-weight: 600; } i { color: #ffd38a; font-style: normal; }
  .prompt { color: #7fdcbf; } .bad { color: #ff8f7d; font-weight: 600; } .dim { color: #8a90ab; }
</style>
<div class="window"><div class="bar"><span></span><span></span><span></span><em>emoji embeddings</em></div>
<pre>@BODY</pre></div>
"""


if __name__ == "__main__":
    sys.exit(main())
