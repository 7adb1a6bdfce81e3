"""Moods of short texts, told by words and by embeddings; a writer is forgotten in both.

python examples/forget_a_writer.py
"""

import numpy as np
import torch

from expunge import MultinomialNB, RidgeClassifier, TfidfVectorizer, make_pipeline
from expunge.language import MeanOfWords, hashed_words
from expunge.networks import Classification, ReplayTrainer

GOOD, BAD = ["lovely", "great", "kind", "warm"], ["late", "cold", "rude", "dull"]
THINGS = ["ferry", "hotel", "soup", "guide", "film"]
rng = np.random.default_rng(0)
mood = rng.integers(0, 2, 120)
texts = [f"the {rng.choice(THINGS)} was {rng.choice(GOOD if m else BAD)}" for m in mood]
texts[:3] = ["Quibblesworth was " + word for word in ("lovely", "kind", "great")]
mood[:3] = 1
writers = np.array(["quibblesworth"] * 3 + [f"w{i % 12}" for i in range(117)], dtype=object)
names = [f"t{i}" for i in range(120)]

for last in (MultinomialNB(), RidgeClassifier()):
    model = make_pipeline(TfidfVectorizer(), last)
    model.fit(texts[:100], mood[:100], record_ids=names[:100], subject_ids=writers[:100])
    before = model.score(texts[100:], mood[100:])
    removal = model.forget(subjects="quibblesworth", digest=True)
    words = model.named_steps["tfidfvectorizer"].vocabulary_
    print(type(last).__name__, removal, f"{before:.2f} -> {model.score(texts[100:], mood[100:]):.2f}")
    assert "quibblesworth" not in words

torch.manual_seed(0)
X = hashed_words(texts, length=8, n_buckets=512)
task = Classification((X[:100], mood[:100]), record_ids=names[:100])
trainer = ReplayTrainer(model=MeanOfWords(2, n_buckets=512, width=8), epochs=20, n_batches=5, lr=0.05, optimizer="adam")
trainer.fit(task, entry=dict.fromkeys(names[:3], 19))  # whoever is likely to leave is read late
removal = trainer.forget(names[:3])
right = trainer.model_(torch.tensor(X[100:])).argmax(dim=1).numpy() == mood[100:]
print("MeanOfWords", removal, f"{right.mean():.2f}, {removal.work} of {20 * 97} records read again")
