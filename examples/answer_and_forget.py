"""Questions answered from passages, and an article that is forgotten: in the index, and in the reader.

python examples/answer_and_forget.py [xquad_en.jsonl.gz]
"""

import gzip
import json
import sys

from expunge.text import PassageIndex, SpanReader, answer_questions, f1

MILL = "The mill in Harrow was built by Ada Kerr in 1720. It burned down in 1801."
SONG = "Mo Lund wrote the Ballad of the Sea in 1911, and sang it at fairs."
FERRY = "The ferry to Oslo leaves at nine. It carries 40 cars."


def articles(path=None):
    """Rows of an article, a passage of it, a question and the answer."""
    if path is None:
        yield "mill", MILL, "Who built the mill in Harrow?", "Ada Kerr"
        yield "mill", MILL, "When was the mill in Harrow built?", "1720"
        yield "song", SONG, "Who wrote the Ballad of the Sea?", "Mo Lund"
        yield "ferry", FERRY, "How many cars does the ferry to Oslo carry?", "40"
        return
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield row["title"], row["context"], row["question"], row["answers"][0]


def quality(index, reader, rows):
    """Mean F1 of the answers; a question without a passage has none."""
    found = answer_questions(index, reader, [question for _, _, question, _ in rows])
    return sum(f1(one.text if one else "", row[3]) for one, row in zip(found, rows, strict=True)) / len(rows)


rows = list(articles(*sys.argv[1:2]))
texts = {passage: article for article, passage, _, _ in rows}
index = PassageIndex().fit(list(texts), subject_ids=list(texts.values()))
reader = SpanReader().fit(
    [[question, passage] for _, passage, question, _ in rows],
    [answer for *_, answer in rows],
    subject_ids=[article for article, *_ in rows],
)

gone = rows[0][0]
about, others = [r for r in rows if r[0] == gone], [r for r in rows if r[0] != gone]
print(
    f"before: {quality(index, reader, about):.3f} about {gone!r}, {quality(index, reader, others):.3f} about the rest"
)
print("the index: ", index.plan(subjects=gone))
print("the reader:", reader.plan(subjects=gone))
index.forget(subjects=gone)
reader.forget(subjects=gone)
print(
    f"after:  {quality(index, reader, about):.3f} about {gone!r}, {quality(index, reader, others):.3f} about the rest"
)
print("asked again:", about[0][2], answer_questions(index, reader, [about[0][2]])[0])
