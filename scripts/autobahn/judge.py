"""Judges a report of Autobahn's cases, and writes or compares the published table.

    judge.py REPORT/index.json            fails unless every case passed strictly, and the table is the published one
    judge.py REPORT/index.json --write    publishes the table

Times are left out: the same server gives the same table.
"""

import collections
import json
import pathlib
import sys

TITLES = {
    "1": "framing: text and binary up to 64 KiB",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8, failing fast within a message and within a frame",
    "7": "closing: handshake, payloads, codes",
    "9": "messages up to 16 MiB, fragments and reads down to 64 bytes",
    "10": "automatic fragmentation",
    "12": "permessage-deflate: the offer is passed over",
    "13": "permessage-deflate with parameters: the offer is passed over",
}
GOOD = {"OK", "INFORMATIONAL"}
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "autobahn.md"


def section(case):
    return case.split(".")[0]


def table(cases):
    counts = collections.defaultdict(collections.Counter)
    for case, result in cases.items():
        counts[section(case)][result["behavior"]] += 1
    lines = ["| Cases | What | OK | Informational | Non-strict | Unimplemented | Failed |", "|---|---|--:|--:|--:|--:|--:|"]
    total = collections.Counter()
    for name in sorted(counts, key=int):
        count = counts[name]
        total += count
        lines.append(row(f"`{name}.*`", TITLES[name], count))
    return "\n".join([*lines, row("all", "", total)]) + "\n"


def row(name, title, count):
    known = [count[word] for word in ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED")]
    cells = [name, title, *known, sum(count.values()) - sum(known)]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def breaches(cases):
    for case, result in sorted(cases.items()):
        verdict = (result["behavior"], result["behaviorClose"])
        if section(case) in ("12", "13"):
            # Compression is never negotiated, so nothing of it can be tried.
            if result["behavior"] != "UNIMPLEMENTED":
                yield f"{case}: {verdict}, though compression is not offered"
        elif not GOOD.issuperset(verdict):
            yield f"{case}: {verdict}"


def main():
    cases = next(iter(json.loads(pathlib.Path(sys.argv[1]).read_text()).values()))
    found = list(breaches(cases))
    new = table(cases)
    print(new)
    before, rest = DOCUMENT.read_text().split(BEGIN)
    published, after = rest.split(END)
    if "--write" in sys.argv:
        DOCUMENT.write_text(before + BEGIN + new + END + after)
    elif new != published:
        found.append(f"the table in {DOCUMENT.name} is another one: scripts/autobahn.sh --write")
    for breach in found:
        print(breach, file=sys.stderr)
    left_out = sum(section(case) in ("12", "13") for case in cases)
    print(f"{len(cases) - left_out} cases, {left_out} more about compression, {len(found)} breaches")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
