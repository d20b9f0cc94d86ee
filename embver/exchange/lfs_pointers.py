"""What Git LFS keeps below a path, from its pointers alone: digest, size and number of files. Plain data in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embver.corpusfiles import all_files, listing_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file of a commit: the digest and size of the bytes meant, and whether Git LFS keeps them."""

    path: str  # relative to the folder, or the file's name
    sha256: str
    size_bytes: int
    is_pointer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A folder, or a single file, as pointers describe it; hidden files do not count, and containers alone where there are some."""

    files: tuple[Kept, ...]
    is_folder: bool = True
    links: tuple[str, ...] = ()  # which of the files are symbolic links

    @property
    def counted(self) -> tuple[Kept, ...]:
        """Return the files that the digest is of, in its order."""
        by_name = {file.path: file for file in self.files}
        return tuple(by_name[name] for name in all_files(tuple(by_name)))

    @property
    def digest(self) -> str | None:
        """Return the digest of the listing that `sha256sum` prints of the files, as a card has it of a folder."""
        counted = self.counted
        return listing_digest((file.path, file.sha256) for file in counted) if counted else None

    @property
    def size_bytes(self) -> int:
        """Return the size of all files that count."""
        return sum(file.size_bytes for file in self.counted)

    @property
    def has_pointers(self) -> bool:
        """Tell whether Git LFS keeps any of them."""
        return any(file.is_pointer for file in self.counted)

    def weights(self, suffixes: Sequence[str]) -> tuple[Kept, ...]:
        """Return the files at the top that hold weights, by their suffix."""
        return tuple(
            file for file in self.files if "/" not in file.path and file.path.endswith(tuple(suffixes))
        )
