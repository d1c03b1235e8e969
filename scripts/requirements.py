#!/usr/bin/env python3
"""Which requirement lines have a test that cites them, and which have none.

A line (`S1-35`) counts as covered when a test names it: in tests/, actors/tests/, the scripts of loadtest/k6/, the driver,
behind `#[cfg(test)]`, or in a `tests.rs`. A citation may be a range (`S1-40 … S1-43`, `S3-92 to S3-95`).
docs/requirements.md says which
lines are not built yet and which are covered by something that is no test, each with the reason; a line that is in neither
table and that no test cites is a defect: with --check the exit status says so.
"""
import pathlib
import re
import sys

HOUSE = pathlib.Path(__file__).resolve().parent.parent
# The last line of each origin document.
LAST = {"S0": 55, "S1": 49, "S2": 78, "S3": 140, "S4": 102}
TITLES = {
    "S0": "enterprise information system, SSE, MCP",
    "S1": "permission system",
    "S2": "operations tickets",
    "S3": "real-time permission push",
    "S4": "blocs, plans, organisation sync",
}
RANGE = re.compile(r"\b(S[0-4])-(\d+)\s*(?:…|\.\.\.|–|to|through)\s*(?:\1-)?(\d+)\b")
LINE = re.compile(r"\b(S[0-4])-(\d+)\b")


def cited(text):
    """The lines that a text names."""
    lines = {(d, int(n)) for d, n in LINE.findall(text)}
    for document, first, last in RANGE.findall(text):
        lines |= {(document, n) for n in range(int(first), int(last) + 1)}
    return {(d, n) for d, n in lines if 1 <= n <= LAST[d]}


def tests():
    """Path and text of everything that is a test."""
    for folder in ["tests", "actors/tests", "loadtest/k6", "loadtest/driver/src"]:
        for path in sorted((HOUSE / folder).rglob("*")):
            if path.suffix in {".rs", ".mjs", ".js", ".py", ".ts"} and "node_modules" not in path.parts:
                yield path, path.read_text()
    for folder in ["src", "actors/src"]:
        for path in sorted((HOUSE / folder).rglob("*.rs")):
            _, mark, text = path.read_text().partition("#[cfg(test)]")
            if mark or path.stem == "tests" or path.stem.endswith("properties"):
                yield path, text or path.read_text()


def table(heading):
    """Lines and reasons of one table of docs/requirements.md."""
    text = (HOUSE / "docs/requirements.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    reasons = {}
    for row in section.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if row.startswith("|") and len(cells) == 2 and LINE.search(cells[0]):
            for line in cited(cells[0]):
                reasons[line] = cells[1]
    return reasons


def in_words(lines):
    """`S1-3, S1-7 … S1-9`."""
    parts, run = [], []
    for line in sorted(lines) + [None]:
        if run and line != (run[-1][0], run[-1][1] + 1):
            first, last = (f"{d}-{n}" for d, n in (run[0], run[-1]))
            parts.append(first if first == last else f"{first} … {last}")
            run = []
        if line:
            run.append(line)
    return ", ".join(parts) or "none"


def main():
    covered = {}
    for path, text in tests():
        for line in cited(text):
            covered.setdefault(line, []).append(str(path.relative_to(HOUSE)))
    later, otherwise = table("Not built yet"), table("Covered otherwise")
    missing = set()
    for document, last in LAST.items():
        lines = {(document, n) for n in range(1, last + 1)}
        with_test = lines & covered.keys()
        uncited = lines - covered.keys() - later.keys() - otherwise.keys()
        missing |= uncited
        print(f"{document} ({TITLES[document]}): {len(with_test)} of {last} lines cited by a test")
        print(f"  covered otherwise: {in_words(lines & otherwise.keys() - with_test)}")
        print(f"  not built yet:     {in_words(lines & later.keys())}")
        print(f"  without a test:    {in_words(uncited)}")
        stale = lines & later.keys() & with_test
        if stale:
            print(f"  said to be missing, yet cited: {in_words(stale)}")
    if "--lines" in sys.argv:
        for line in sorted(covered):
            print(f"{line[0]}-{line[1]}: {', '.join(sorted(set(covered[line])))}")
    return 1 if missing and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
