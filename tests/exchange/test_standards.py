"""What is exported fulfils its standard by that standard's own validator, says what is known, and invents nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from subjects import HOSTILE, a_subject, full, hostile, least

from embver.errors import UsageError
from embver.exchange import croissant, cyclonedx, in_toto, model_signing, modelpack, openlineage, spdx3
from embver.outgoing import Export, MissingFieldsError, Subject
from embver.store.foreign import foreign_problems
from sample_card import a_card

VALIDATORS = Path(__file__).with_name("validators.py")
CASES: dict[str, tuple[str, Callable[[], Export]]] = {
    "cyclonedx-full": ("cyclonedx", lambda: cyclonedx.export(full())),
    "cyclonedx-1.7": ("cyclonedx", lambda: cyclonedx.export(full(), spec="1.7")),
    "cyclonedx-least": ("cyclonedx", lambda: cyclonedx.export(least())),
    "cyclonedx-hostile": ("cyclonedx", lambda: cyclonedx.export(hostile())),
    "cyclonedx-next": ("cyclonedx", lambda: cyclonedx.export(a_subject(a_card(), is_released=False))),
    "in-toto-full": ("in-toto", lambda: in_toto.export(full(), builder="https://example.org/builder")),
    "in-toto-least": ("in-toto", lambda: in_toto.export(least())),
    "in-toto-hostile": ("in-toto", lambda: in_toto.export(hostile())),
    "spdx-full": ("spdx", lambda: spdx3.export(full())),
    "spdx-hostile": ("spdx", lambda: spdx3.export(hostile())),
    "croissant-full": ("croissant", lambda: croissant.export(full())),
    "croissant-hostile": ("croissant", lambda: croissant.export(hostile())),
    "openlineage-full": ("openlineage", lambda: openlineage.export(full())),
    "openlineage-hostile": ("openlineage", lambda: openlineage.export(hostile())),
}

pytestmark = pytest.mark.xdist_group("standards")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str | None]]:
    """Return what the validators say of each file of each case."""
    folder = tmp_path_factory.mktemp("exports")
    asked: list[tuple[str, str]] = []
    cases: list[str] = []
    for name, (kind, make) in CASES.items():
        for file in make().files:
            path = folder / name / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            asked.append((kind, str(path)))
            cases.append(name)
    answers = validate(asked)
    found: dict[str, list[str | None]] = {}
    for name, answer in zip(cases, answers, strict=True):
        found.setdefault(name, []).append(answer)
    return found


def validate(asked: list[tuple[str, str]]) -> list[str | None]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(VALIDATORS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[str | None] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("case", CASES)
def test_its_own_validator_is_content(said: dict[str, list[str | None]], case: str) -> None:
    assert said[case]
    assert [answer for answer in said[case] if answer is not None] == []


def test_the_validators_find_what_is_wrong(tmp_path: Path) -> None:
    asked = []
    for kind, make, spoil in (
        ("cyclonedx", cyclonedx.export, ("bomFormat", 3)),
        ("in-toto", in_toto.export, ("subject", [])),
        (
            "croissant",
            croissant.export,
            ("recordSet", [{"@type": "cr:RecordSet", "field": [{"@type": "cr:Field"}]}]),
        ),
    ):
        plain = json.loads(make(full()).files[0].data)
        plain[spoil[0]] = spoil[1]
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(plain), encoding="utf-8")
        asked.append((kind, str(path)))
    plain = json.loads(spdx3.export(full()).files[0].data)
    next(e for e in plain["@graph"] if e["type"] == "Relationship").pop("from")
    (tmp_path / "spdx.json").write_text(json.dumps(plain), encoding="utf-8")
    asked.append(("spdx", str(tmp_path / "spdx.json")))
    assert [answer is not None for answer in validate(asked)] == [True, True, True, True]


def document(export: Export, path: str | None = None) -> Any:
    file = next(file for file in export.files if path is None or file.path == path)
    return json.loads(file.data)


@pytest.mark.parametrize("subject", [full, hostile])
def test_the_schemas_that_ship_say_the_same(subject: Callable[[], Subject]) -> None:
    assert foreign_problems("cyclonedx-1.6", document(cyclonedx.export(subject()))) == ()
    assert foreign_problems("cyclonedx-1.7", document(cyclonedx.export(subject(), spec="1.7"))) == ()
    assert foreign_problems("modelpack-config", document(modelpack.export(subject()), "config.json")) == ()
    for line in openlineage.export(subject()).files[0].data.splitlines():
        event = json.loads(line)
        assert foreign_problems("openlineage-2-0-2", event) == ()
        for facet in (*event["run"]["facets"].values(), *event["job"]["facets"].values()):
            name = facet["_schemaURL"].rpartition("/")[2]
            if "openlineage.io" in facet["_schemaURL"]:
                assert foreign_problems(f"openlineage-{name}", {"unused": facet}) == ()


def test_a_flaw_is_told_with_its_place() -> None:
    broken = document(cyclonedx.export(full()))
    broken["metadata"]["component"]["type"] = "embedding"
    (problem,) = foreign_problems("cyclonedx-1.6", broken)
    assert problem.startswith("metadata.component.type: 'embedding' is not one of")


def test_equal_versions_give_equal_bytes_and_others_other_names() -> None:
    one, again = cyclonedx.export(full()), cyclonedx.export(full())
    assert one == again
    other = cyclonedx.export(a_subject(a_card(title="Another title")))
    assert document(one)["serialNumber"] != document(other)["serialNumber"]


def test_cyclonedx_numbers_read_back_exactly() -> None:
    subject = full()
    card = document(cyclonedx.export(subject))["metadata"]["component"]["modelCard"]
    told = [float(metric["value"]) for metric in card["quantitativeAnalysis"]["performanceMetrics"]]
    known = [
        m["value"] for b in subject.card.benchmarks for m in b.plain["metrics"] if m["value"] is not None
    ]
    assert told == known
    assert len(told) > 0


def test_what_no_format_has_a_place_for_stands_under_one_namespace() -> None:
    subject = full()
    properties = document(cyclonedx.export(subject))["metadata"]["component"]["modelCard"]["properties"]
    from_cyclonedx = {entry["name"]: entry["value"] for entry in properties}
    from_oci = document(modelpack.export(subject), "manifest.json")["annotations"]
    packages = [e for e in document(spdx3.export(subject))["@graph"] if e["type"] == "ai_AIPackage"]
    from_spdx = {e["key"]: e["value"] for e in packages[0]["ai_metric"] if e["key"].startswith("embver:")}
    assert from_cyclonedx == from_oci == from_spdx
    assert from_oci["embver:dimensions"] == "512"
    assert from_oci["embver:verdict"] == "compatible"


def test_the_verdict_is_a_test_result() -> None:
    plain = a_card()
    plain["compatibility"] = [
        {"against": "products@1.0.0", "verdict": word, "level": "major",
         "strata": [{"query": "text", "document": "image", "n": 4, "verdict": word}]}
        for word in ("compatible", "inconclusive", "incompatible")
    ]  # fmt: skip
    results = [json.loads(file.data)["predicate"] for file in in_toto.export(a_subject(plain)).files[1:]]
    assert [result["result"] for result in results] == ["PASSED", "WARNED", "FAILED"]
    assert results[2]["failedTests"] == ["text finds image: incompatible"]
    assert (results[2]["passedTests"], results[2]["warnedTests"]) == ([], [])


def test_a_finished_time_is_told_only_where_it_is_known() -> None:
    plain = a_card()
    plain["encode"] = {**plain["encode"], "started": "2026-11-02T09:14:07Z", "elapsed_s": 118.4}
    told = document(in_toto.export(a_subject(plain)))["predicate"]["runDetails"]["metadata"]
    assert told == {"startedOn": "2026-11-02T09:14:07Z", "finishedOn": "2026-11-02T09:16:05Z"}
    del plain["encode"]["elapsed_s"]
    told = document(in_toto.export(a_subject(plain)))["predicate"]["runDetails"]["metadata"]
    assert told == {"startedOn": "2026-11-02T09:14:07Z"}


@pytest.mark.parametrize(
    ("export", "named"),
    [
        (spdx3.export, {"supplier", "links.repository"}),
        (croissant.export, {"license", "links.homepage (or --set url=URL)", "authors"}),
        (openlineage.export, {"links.repository (or --set namespace=URI)"}),
    ],
)
def test_what_a_format_requires_and_nobody_wrote_is_named_all_at_once(
    export: Callable[[Subject], Export], named: set[str]
) -> None:
    subject = least()
    subject.card.plain["encode"].update(started="2026-11-02T09:14:07Z", elapsed_s=1.0)  # type: ignore[union-attr]
    with pytest.raises(MissingFieldsError) as raised:
        export(subject)
    assert {field for field, _ in raised.value.missing} == named
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("export", [in_toto.export, modelpack.export])
def test_a_version_without_files_is_no_subject(export: Callable[[Subject], Export]) -> None:
    with pytest.raises(MissingFieldsError, match="artifacts"):
        export(a_subject(a_card(artifacts=[])))


def test_another_version_of_the_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no CycloneDX 1\.2") as raised:
        cyclonedx.export(full(), spec="1.2")
    assert raised.value.hint == "--set spec=1.6 or 1.7"


def test_hostile_text_is_kept_letter_by_letter() -> None:
    told = document(cyclonedx.export(hostile()))["metadata"]["component"]
    assert told["description"] == HOSTILE * 3
    assert told["authors"] == [{"name": HOSTILE}]


def test_the_manifest_leaves_out_what_the_library_leaves_out() -> None:
    digest = "ab" * 32
    files = {
        "card.yaml": digest,
        ".gitattributes": digest,
        "model.sig": digest,
        "a/b.json": digest,
        ".github/x": digest,
    }
    made = document(model_signing.export(full(), files, "products-2.1.0"))
    assert [entry["name"] for entry in made["predicate"]["resources"]] == ["a/b.json", "card.yaml"]
