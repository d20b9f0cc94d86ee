"""Write adopted versions: commits and tags are made unseen, and all references move in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embver.actions.adopt_card import Past
from embver.actions.lock import release_lock
from embver.actions.release_apply import FILE_MODE
from embver.actions.sums import SUMS, sums_of
from embver.actions.workspace import CARD, Workspace
from embver.card import Card, card_digest
from embver.errors import RepoError, UsageError
from embver.pointer import Pointer
from embver.store.files import write_atomic
from embver.tagmessage import format_message
from embver.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One version, ready to be written: its card as text, its small files and pointers by path in its folder."""

    past: Past
    card: Card
    text: str
    files: Mapping[str, bytes]
    level: str | None  # None for the first


def apply(work: Workspace, name: str, drafts: Sequence[Draft]) -> None:
    """Make a commit and a tag for each draft and let branch and tags move together: all are there, or none."""
    from embver.store.new_objects import NewObjects

    if not drafts:
        return
    with release_lock(work):
        standing = work.repo.standing()
        if standing.branch is None or standing.commit is None:
            raise RepoError("HEAD is on no branch, or there is no commit yet", hint="git switch BRANCH")
        parent, moves = standing.commit, []
        zero = work.repo.zero
        for draft in drafts:
            version = Version.parse(draft.past.number)
            folder, tag = work.folder(name, version), work.settings.tags.format(name, version)
            if work.path(folder).exists() or work.repo.tree(parent, folder):
                raise UsageError(
                    f"{folder} is there already", hint="move it away, or adopt under another name"
                )
            if any(record.tag == tag for record in work.repo.tag_records(f"refs/tags/{tag}")):
                raise UsageError(f"there is a tag {tag} already, which is no release", hint="embver doctor")
            objects = NewObjects(work.repo)
            contents = _contents(draft)
            files = {f"{folder}/{path}": (FILE_MODE, objects.blob(data)) for path, data in contents.items()}
            message = _message(name, draft)
            parent = work.repo.build_commit(
                parent=parent,
                message=f"Adopt {name}@{draft.past.number}\n\n{message}",
                files=files,
                removed=[],
                objects=objects,
                date=draft.past.date,
            )
            made = work.repo.build_tag(tag=tag, commit=parent, message=message, date=draft.past.date)
            moves.append((f"refs/tags/{tag}", made, zero))
        work.repo.move_refs([(standing.branch, parent, standing.commit), *moves])
        pointers = [Pointer.parse(data) for draft in drafts for data in draft.files.values()]
        work.lfs.release_pending(pointer for pointer in pointers if pointer is not None)


def follow(work: Workspace, name: str) -> None:
    """Let work tree and index hold the adopted versions that HEAD has; what is there stays. May be done again."""
    head = work.repo.head()
    if head is None:
        return
    top = work.folder(name, "")
    entries = work.repo.tree(head, top.rstrip("/"))
    staged = work.repo.index_entries(top.rstrip("/"))
    absent = [entry for entry in entries if entry.path not in staged]
    contents = work.repo.read_many([f"{head}:{entry.path}" for entry in absent])
    followed = {}
    for entry, data in zip(absent, contents, strict=True):
        file = work.path(entry.path)
        if not file.exists():
            write_atomic(file, data or b"")
        if file.read_bytes() == data:  # a file of somebody else's stays what it is
            followed[entry.path] = (entry.mode, entry.blob)
    if followed:
        work.repo.replace_in_index(files=followed, removed=[])


def _contents(draft: Draft) -> dict[str, bytes]:
    sums = sums_of(draft.card.plain.get("artifacts") or ())
    return {CARD: draft.text.encode(), SUMS: sums, **draft.files}


def _message(name: str, draft: Draft) -> str:
    plain = draft.card.plain
    first = {"Level": "first", "Verdict": "none"}
    later = {"Level": draft.level, "Verdict": "unmeasured", "Previous": plain.get("previous")}
    return format_message(
        title=f"{name} {draft.past.number}",
        words=[str(entry["text"]) for entry in plain.get("changes") or ()],
        override=plain.get("override"),
        trailers={"Card-Digest": card_digest(plain), **(first if draft.level is None else later)},
    )
