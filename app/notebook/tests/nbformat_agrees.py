"""Compare exported notebooks with the files they came from: nbformat_agrees.py CORPUS OUT.

Every export must be valid by nbformat, unless its original is not. What nbformat would write of a valid original
must be what we wrote, letter by letter.
"""

import json
import pathlib
import sys

from nbformat import reader, v4
from nbformat.validator import iter_validate

# A cell of a kind to come has no source there; here every cell has one.
REPAIRED = {"nbformat-5.10.4/tests/test4plus.ipynb"}

corpus, out = map(pathlib.Path, sys.argv[1:3])


def faults(nb):
    minor = nb.get("nbformat_minor", 0)
    found = [error.message[:200] for error in iter_validate(nb, version=4, version_minor=minor)]
    ids = [cell["id"] for cell in nb.get("cells", []) if "id" in cell] if minor >= 5 else []
    if len(ids) != len(set(ids)):
        found.append("two cells have one id")
    return found


compared = wrong = 0
for path in sorted(out.rglob("*.ipynb")):
    name = path.relative_to(out)
    ours = path.read_text(encoding="utf-8")
    try:
        original = reader.reads((corpus / name).read_text(encoding="utf-8-sig"))
    except Exception:
        original = None  # We repair more than nbformat reads.
    is_four = original is not None and original.get("nbformat") == 4
    valid = is_four and not faults(original)
    if is_four and not valid:
        continue
    problems = faults(json.loads(ours))
    if str(name) in REPAIRED:
        valid = False
    if valid and not problems and v4.writes(original) + "\n" != ours:
        theirs = v4.writes(original).splitlines()
        pairs = zip(theirs, ours.splitlines())
        problems = [next((f"{a!r} is {b!r}" for a, b in pairs if a != b), "the lengths differ")]
    compared += valid
    wrong += bool(problems)
    for problem in problems:
        print(f"{name}: {problem}")
print(f"{compared} compared, {wrong} differ")
sys.exit(wrong > 0 or compared < 560)
