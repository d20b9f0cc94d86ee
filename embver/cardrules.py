"""The rules of `embver validate`: one row a rule, with its stable name. Ground floor; only data.

A name is a promise: people silence and search by it. Rows are added, never renamed. The page `site/reference/rules.md`
is written from this table and from the cards in `tests/data/cards`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class CardRule(NamedTuple):
    """One rule: what it refuses, and what to do about it; `kind` is text, shape, sense, truth or frozen."""

    name: str
    kind: str
    title: str
    what: str
    mend: str


_TEXT: Final = (
    ("encoding", "Not UTF-8", "The file is UTF-16, UTF-32 or has bytes that are no UTF-8.", "Save the file as UTF-8."),
    ("unseen-character", "A character that cannot be seen", "Control characters, terminal escapes, right-to-left overrides, line breaks of other scripts and byte order marks within the text make a card look different from what it is.", "Remove it; in double quotes it can be written as an escape."),
    ("too-large", "Too large", "A card has at most 1 MiB.", "Keep raw results in files beside the card."),
    ("too-many-values", "Too many values", "A card has at most 100,000 values and names: what holds more is data.", "Keep raw results in files beside the card."),
    ("too-deep", "Nested too deep", "A card is nested at most 64 levels deep.", "Flatten it."),
    ("yaml-syntax", "Not YAML", "The text is no YAML. The place is where the parser gave up; the mistake may stand just before.", "Mind colons, quotes, brackets and spaces at the beginning of lines; tabs cannot indent."),
    ("directive", "A YAML directive", "Lines such as `%YAML 1.1` or `%TAG` change how a text is read. A card is YAML 1.2.", "Remove the line."),
    ("several-documents", "Several documents", "A card is one YAML document.", "Remove `---` and what follows it."),
    ("empty-card", "Empty", "There is nothing in the file.", "`embver new NAME` writes a card to start from."),
    ("not-a-mapping", "Not a mapping", "A card is a mapping of fields, not a list or a text.", "Begin with `schema: 1`."),
    ("duplicate-key", "A field twice", "YAML readers differ in which of two equal names they take.", "Keep one of the two."),
    ("key-not-text", "A name that is no text", "A field's name is a text; numbers, null, lists and mappings are not.", "Put it in quotes, if it is a name."),
    ("merge-key", "A merge key", "`<<` exists in YAML 1.1 only.", "Write the fields out."),
    ("anchor", "An anchor", "With anchors and aliases (`&a`, `*a`) a few lines stand for gigabytes, and a line no longer says what it is.", "Write the value out."),
    ("tag", "A tag", "Tags (`!!python/object`, `!!str`, `!own`) make objects of texts.", "Remove the tag; put a text in quotes."),
    ("number-leading-zero", "A number with a leading zero", "`014` is 14 in YAML 1.2 and 12 in YAML 1.1.", "Write it without the zero, or in quotes if it is a text."),
    ("number-too-large", "A number too large", "Whole numbers beyond 2^53 - 1 are not held exactly by every reader (RFC 8785).", "Put it in quotes if it is a text, such as a revision."),
    ("number-not-finite", "Not a number", "NaN and infinities are no values.", "Leave the field out: absent means not known."),
)  # fmt: skip
_SHAPE: Final = (
    ("schema-newer", "A newer schema", "The card follows a schema that this embver does not know. A new schema of the card comes with a new MAJOR of embver of the same number.", "Install what the hint says."),
    ("schema", "Another keyword of the schema", "The value does not fulfil the schema in a way that has no words of its own yet.", "See the reference of the card."),
    ("unknown-field", "An unknown field", "There is no such field at this place. Your own fields belong under `extra:`, below a name of yours.", "The hint names the likely field."),
    ("missing-field", "A field is missing", "A field is needed at this place. A card with a `version` needs `fingerprint` and `artifacts` too.", "Add it, or run the command that writes it."),
    ("wrong-type", "A value of another kind", "A text stands where a number is expected, a list where a mapping is, or `512.0` where `512` is.", "The hint shows the value as it would be right."),
    ("not-allowed-value", "A value that is none of the allowed", "The field takes one of a few words.", "The message lists them."),
    ("pattern", "A text of another form", "Names, versions, digests, references and dates have a form.", "The message says which, the hint shows one."),
    ("range", "A number out of its range", "The number is less or more than the field can hold.", "Correct it."),
    ("length", "Too many or too few entries", "The list or text is longer or shorter than it can be.", "Correct it."),
    ("empty", "Empty", "The text, list or mapping holds nothing.", "Remove the line if it is not known."),
    ("twice", "An entry twice", "The list is a set.", "Remove one of the two."),
)  # fmt: skip
_SENSE: Final = (
    ("version-in-next", "A version in `next/`", "The working version has no number: it is computed when it is released.", "Remove the line."),
    ("version-is-folder", "The version is not its folder", "A released card says the version whose folder it lies in.", "Correct the version, or move the folder back."),
    ("name-folder", "The name is not its folder", "A card lies in the folder of its embedding.", "Correct the name, or move the folder."),
    ("previous", "Not a version before it", "A version that was begun from an older line names an earlier release of the same embedding.", "Name the release that it was begun from, or remove the line to go on from the latest."),
    ("served-dimension-too-large", "More dimensions than there are", "A served prefix is no longer than the vectors.", "Correct `served_dimensions` or `dimensions`."),
    ("metric-against-kind", "Metric against kind", "Hamming distance is for binary vectors, and they have no other.", "Correct `metric` or `kind`."),
    ("normalized-against-dtype", "Normalised against number format", "Vectors of unsigned bytes or of bits do not have length 1; int8 has a scale a row.", "`normalized: false`, or another `dtype`."),
    ("dtype-against-kind", "Number format against kind", "Binary vectors are stored as bytes.", "`dtype: uint8`."),
    ("modality-without-encoder", "A modality without encoder", "There are vectors or measurements of a modality that no encoder makes.", "Describe the encoder, or correct `modality`."),
    ("modality-without-preprocessing", "A modality without preprocessing", "A released card says what is done to an input before it is encoded.", "List the steps; `preprocessing: []` if there are none."),
    ("modality-without-vectors", "A modality without vectors", "A released card has an encoder of which there are neither vectors nor probe vectors.", "Run `embver encode`, or remove the encoder."),
    ("tokenizer-needs-max-length", "A tokenizer without its longest input", "Where texts are cut decides what their vectors mean.", "`max_length: 77`"),
    ("truncate-against-dimensions", "Another dimension than is kept", "What is kept of a model's vector is the vector, so both numbers are the same.", "`space.dimensions` as `truncate_dimensions`"),
    ("artifact-path", "A path that leaves the folder", "Paths in a card are relative to it, in their shortest form, and stay in the version's folder on every system: not absolute, no `..`, no backslash or drive, not in `.git`, none of embver's own files.", "Put the file into the version's folder."),
    ("artifact-twice", "A file twice", "Two artifacts have one path, or two that differ in case only, which is one file on many systems.", "Remove or rename one."),
    ("artifact-size", "The size does not fit", "A file of vectors holds rows x dimensions x bytes a number, and a header of at most 1 MiB.", "One of `rows`, `size_bytes`, `dimensions` and `dtype` is wrong."),
    ("dtype-differs", "Two number formats", "An artifact's `dtype` is not the space's.", "Correct one of them."),
    ("rows-differ", "Two counts", "Ids, corpus and vectors of one modality are equally many.", "Correct the count, or encode again."),
    ("probe-without-digest", "Probe vectors of no set", "Probe vectors are compared only with vectors of the very same set.", "Name the set's digest."),
    ("probe-differs", "Measured on another probe set", "A measurement names another probe set than the card's probe vectors.", "Measure again: `embver compat`."),
    ("benchmark-twice", "A benchmark twice", "A benchmark's id is unique in its card.", "Rename or remove one."),
    ("metric-twice", "A metric twice", "A metric's key is unique in its benchmark.", "Remove one."),
    ("metric-range", "A metric out of its range", "A fraction lies between 0 and 1, a percentage between 0 and 100; correlations and cosines may be negative.", "Correct the value, or name its `unit`."),
    ("interval-holds-value", "A value outside of its interval", "A confidence interval holds the value that it is of.", "Copy both from one result."),
    ("interval-order", "An interval that ends before it begins", "`low` is not above `high`.", "Exchange them."),
    ("change-verdict", "A change that is not sure", "A change is an improvement or a regression only where its interval leaves zero out.", "`verdict: undecided`"),
    ("compatibility-twice", "Measured twice", "A card has one measurement against each version.", "Keep the later one."),
    ("against-itself", "Measured against itself", "A version is compared with another one.", "Name that one."),
    ("stratum-twice", "A stratum twice", "Each pair of modalities is there once.", "Remove one."),
    ("override-level", "A release without a level", "What is released has at least the level patch.", "`chosen: patch`"),
    ("override-needs-reason", "An override without a reason", "Who chooses a level that is not above the computed one says why.", "`reason: ...`"),
    ("status-needs-reason", "A status without a reason", "Who is told not to use a version wants to know why.", "`reason: ...`"),
    ("successor-is-itself", "Its own successor", "A version does not succeed itself.", "Name the version to move to."),
    ("licence", "Not an SPDX expression", "Licences are expressions of SPDX identifiers (`Apache-2.0`, `MIT OR GPL-2.0-only WITH Classpath-exception-2.0`); a licence of your own is `LicenseRef-NAME`.", "The hint names the likely identifier."),
    ("language", "Not a language", "Languages are BCP 47 tags, well-formed by RFC 5646; two letters are a language that exists.", "`en`, `zh-Hant`, `pt-BR`"),
    ("date", "Not a date", "Dates are those of RFC 3339, and exist: no 30 February, no leap second but where one can be.", "`2026-11-02` or `2026-11-02T09:14:07Z`"),
    ("line-dimension", "Another dimension in one line", "Versions of one MAJOR line have one dimension.", "Release it as MAJOR."),
)  # fmt: skip
_TRUTH: Final = (
    ("card-missing", "No card", "The card is not where it should be, or a merge left it in conflict.", "Mend it, then `git add` it."),
    ("artifact-missing", "A file is missing", "An artifact of the card is not beside it.", "Add it, or run `embver encode`."),
    ("artifact-link", "A file that is none", "An artifact is a folder, or reached through a symbolic link.", "Put the file itself in its place."),
    ("artifact-not-in-lfs", "Bytes in Git", "A path that belongs into Git LFS is committed as bytes.", "`git rm --cached` it, look at `.gitattributes`, add it again."),
    ("artifact-checksum", "Another checksum", "The pointer or file beside the card has another SHA-256 than the card says.", "Stage card and file together."),
    ("artifact-bytes", "Another size", "The pointer or file beside the card has another size than the card says.", "Stage card and file together."),
    ("shards", "Shards are missing", "Not all shards of a file are listed, or those of two sets are.", "List every shard."),
    ("sums-missing", "No SHA256SUMS", "A released version can be checked without embver.", "`embver encode` writes the file."),
    ("sums-differ", "SHA256SUMS says otherwise", "SHA256SUMS and the card's artifacts are the same files with the same digests.", "`embver encode` writes both."),
    ("benchmark-file", "The raw results are others", "The file behind a benchmark is missing or has another digest.", "`embver bench` writes both."),
    ("probe-digest", "Another probe set", "The probe set in the repository is not the one whose digest the card names.", "Encode again."),
    ("previous-unknown", "No such release", "`next/` says that it was begun from a release that does not exist here.", "Name one of `embver list`, or `git fetch --tags`."),
    ("pairing-tag", "No such tag", "Data or checkpoint are named by a Git tag that does not exist here.", "`git tag TAG COMMIT`, or `git fetch --tags`."),
    ("pairing-missing", "Data or checkpoint not found", "What the card names is not in the repository.", "Add it, or correct `uri`."),
    ("pairing-digest", "Another pair", "Data or checkpoint have another digest than the card says: this is not the pair that was encoded.", "Restore them, or encode again."),
    ("pairing-algorithm", "Another algorithm", "The digest is not of the kind that its tracker writes.", "Copy the digest from the tracker's own file."),
    ("uncommitted", "Not committed", "`embver release` refuses a version whose data, model or probe set is not in the commit that it stands on, as it was encoded: no clone would ever have it.", "`git add` and `git commit` it, or say in the card who keeps it: `tracked_by: other`."),
    ("artifact-unreadable", "Not safetensors", "A file of vectors cannot be read (`--deep`).", "Encode again."),
    ("artifact-rows", "Another number of rows", "The file holds another number of rows (`--deep`).", "Correct `rows`."),
    ("artifact-dimensions", "Another dimension", "The file's vectors have another dimension (`--deep`).", "Encode again."),
    ("artifact-dtype", "Another number format", "The file's numbers have another format (`--deep`).", "Encode again."),
    ("artifact-not-finite", "NaN or infinity", "A vector holds NaN or infinity (`--deep`).", "Encode that item again."),
    ("artifact-zero-row", "A vector of zeros", "A vector without length has no direction (`--deep`).", "Encode that item again."),
    ("artifact-not-normalized", "Not of length 1", "The card says that vectors are normalised (`--deep`).", "`normalized: false`, or encode again."),
    ("ids-rows", "Another number of ids", "The file of ids has another number of lines than the card says (`--deep`).", "Encode again."),
    ("ids-twice", "An id twice", "An id names one row (`--deep`).", "Make the ids unique."),
)  # fmt: skip
_FROZEN: Final = (
    ("frozen", "A released card was changed", "What a release froze no longer has the digest that its tag carries. Only benchmarks, compatibility, status and notes may grow.", "Undo the change, or `embver new`."),
    ("frozen-removed", "A released card was removed", "A version that has its tag keeps its card.", "Restore it; `embver yank` says that nobody should use it."),
)  # fmt: skip

RULES: Final[dict[str, CardRule]] = {
    name: CardRule(name, kind, title, what, mend)
    for kind, rows in (
        ("text", _TEXT),
        ("shape", _SHAPE),
        ("sense", _SENSE),
        ("truth", _TRUTH),
        ("frozen", _FROZEN),
    )
    for name, title, what, mend in rows
}
