"""Problems as SARIF 2.1.0, which code hosts show beside the code (OASIS, "Static Analysis Results Interchange")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from embver import __version__
from embver.cardrules import RULES
from embver.problem import Problem

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
PAGE: Final = "https://embver.org/reference/rules/"


def sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return one SARIF log with one run; its rules are those that were broken, by name."""
    rules = sorted({problem.rule for problem in problems})
    numbers = {rule: number for number, rule in enumerate(rules)}
    driver = {
        "name": "embver",
        "version": __version__,
        "informationUri": PAGE,
        "rules": [_rule(name) for name in rules],
    }
    results = [_result(problem, numbers[problem.rule]) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    row = RULES.get(name)
    described = {"fullDescription": {"text": row.what}, "help": {"text": row.mend}} if row else {}
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": row.title if row else name.replace("-", " ")},
        **described,
        "helpUri": f"{PAGE}#{name}",
        "defaultConfiguration": {"level": "error"},
    }


def _result(problem: Problem, number: int) -> dict[str, Any]:
    text = f"{problem.message} -> {problem.hint}" if problem.hint else problem.message
    place = {
        "artifactLocation": {"uri": quote(problem.path.replace("\\", "/"))},
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": problem.rule,
        "ruleIndex": number,
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
