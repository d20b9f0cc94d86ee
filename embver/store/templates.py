"""Render Jinja templates; a team's own template of the same name comes first."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.errors import UsageError
from embver.store.resources import resource_folder

if TYPE_CHECKING:
    from jinja2 import Environment


@lru_cache(maxsize=4)
def _environment(override: Path | None, state: str) -> Environment:  # noqa: ARG001  (another state, another one)
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

    folders = [override] if override is not None and override.is_dir() else []
    ours = FileSystemLoader(resource_folder("templates"))
    # The output is Markdown, YAML or plain text: what needs escaping is escaped for its own format by the caller.
    return Environment(
        # Under `embver/` ours can be had by a template that stands in its place, to add to it.
        loader=ChoiceLoader(
            [*(FileSystemLoader(folder) for folder in folders), ours, PrefixLoader({"embver": ours})]
        ),
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )


def render_template(
    name: str, context: Mapping[str, Any], *, override: Path | None = None, state: str = ""
) -> str:
    """Render `templates/NAME`; `override` is a folder whose templates come first, and may include `embver/NAME`.

    A template is looked for once for each `state`, whatever comes to lie in the folders later.

    Raises UsageError naming the template and line where a team's own template does not render, whatever went
    wrong in it.
    """
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        return _environment(override, state).get_template(name).render(**context)
    except TemplateSyntaxError as error:
        raise UsageError(f"{error.filename or name}:{error.lineno}:1: {error.message}") from error
    except Exception as error:
        # Jinja names its own frames by the template's file and line.
        folders = tuple(str(f) for f in (override, resource_folder("templates")) if f is not None)
        frames = traceback.extract_tb(error.__traceback__)
        places = [frame for frame in frames if frame.filename.startswith(folders)]
        is_theirs = override is not None and places and places[-1].filename.startswith(str(override))
        if not is_theirs and not isinstance(error, TemplateError):
            raise  # a bug of ours, with its traceback
        place = f"{places[-1].filename}:{places[-1].lineno}:1" if places else f"template {name}"
        raise UsageError(f"{place}: {error}") from error
