"""Write the golden files that are missing: ``PYTHONPATH=tests python tests/golden/make.py [--again]``.

A file that is there stays as it is: it stands for all files that users have. ``--again`` writes all of the format of
today anew, which is right only as long as no release has written that format.
"""

from __future__ import annotations

import json
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from sklearn.base import clone

from expunge.errors import UnsupportedRequestError
from expunge.files.archive import FORMAT
from expunge.methods import load as load_model
from golden.cases import FOLDER, GONE, Golden, cases, fingerprint, outputs, without


def write(name: str, case: Golden, folder: Path) -> dict[str, Any]:
    """Write model and export of a case; what is to be found in them later."""
    given = case.data()
    model = clone(case.model).fit(**given)
    model.save(folder / f"{name}.expunge")
    with suppress(UnsupportedRequestError):  # it is made of what an export may not hold
        model.export(folder / f"{name}.export.expunge")
    if model.plan(GONE).guarantee.kind == "exact":
        after = clone(case.model).fit(**without(given, GONE))
    else:  # close to such a fit, and not equal to it: what is kept is what forgetting gives
        after = load_model(folder / f"{name}.expunge")
        after.forget(GONE)
    return {
        "method": type(model).__name__, "table": case.table, "digest": model.digest(),
        "outputs": outputs(model, given["X"]), "digest_after": after.digest(),
        "outputs_after": outputs(after, given["X"]), "fingerprint": fingerprint(),
    }  # fmt: skip


def main(again: bool) -> None:
    """Write what is missing, or everything."""
    warnings.simplefilter("ignore")
    folder = FOLDER / f"format-{FORMAT}"
    folder.mkdir(exist_ok=True)
    known: dict[str, Any] = {}
    if (folder / "expected.json").exists():
        known = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for name, case in cases().items():
        if again or name not in known:
            try:
                known[name] = write(name, case, folder)
            except Exception as error:
                sys.exit(f"{name}: {error!r}\nGive it a case of its own in tests/golden/cases.py.")
            sys.stdout.write(f"{name}\n")
    lines = (f"{json.dumps(name)}: {json.dumps(known[name], ensure_ascii=False)}" for name in sorted(known))
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main("--again" in sys.argv[1:])
