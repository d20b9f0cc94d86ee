"""How a page is made, and from what: a page whose needs are the same as last time need not be made at all. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embver.site.model import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A file of the site that is made only if it has to be.

    `needs` are the stamps (see `stamps`) of everything that enters into it but the code and the templates; without any,
    the page is made anew each time, which is right for what costs next to nothing.
    """

    path: str  # relative to the documentation folder, with forward slashes
    make: Callable[[], str]
    needs: tuple[str, ...] = ()

    def page(self) -> Page:
        """Make the page."""
        return Page(path=self.path, text=self.make())
