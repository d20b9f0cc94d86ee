"""Load `dataclasses` without `inspect`, which it asks only for a class without a docstring.

`inspect` brings the parser, the disassembler and the tokenizer of Python with it: 5 to 10 ms, as long as starting Python
itself, in front of every commit that the hook looks at. Where it is needed after all it is loaded then.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's own questions
            raise AttributeError(name)
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


def load_dataclasses() -> None:
    """Import `dataclasses`, unless it or `inspect` is there; afterwards `import inspect` gives the real one."""
    if "dataclasses" in sys.modules or "inspect" in sys.modules:
        return
    sys.modules["inspect"] = _Later("inspect")
    try:
        import dataclasses  # noqa: F401  (to be loaded is all that is wanted of it)
    finally:
        del sys.modules["inspect"]
