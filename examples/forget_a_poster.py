"""Topics of posts: a poster is forgotten, and what the model knows of other posts is compared with retrained models.

python examples/forget_a_poster.py
"""

import numpy as np

from expunge import MultinomialNB, SISAClassifier, TfidfVectorizer, make_pipeline
from expunge.audit.knowledge import knowledge_kept

TOPICS = {
    "sea": "ship sail wave harbour crew",
    "sky": "plane wing cloud pilot wind",
    "rail": "train track signal ticket",
}
rng = np.random.default_rng(0)
topics = rng.choice(list(TOPICS), 400)
authors = np.array([f"author-{i % 40}" for i in range(400)])
pairs = zip(topics, authors, strict=True)
texts = np.array([" ".join(rng.choice(TOPICS[topic].split(), 6)) + f" says {author}" for topic, author in pairs])
is_test = np.arange(400) >= 250
ids, who = np.arange(len(texts)), authors[0]
learned, asked = ~is_test, is_test & (authors != who)
words = make_pipeline(TfidfVectorizer(), MultinomialNB(alpha=0.1))


def fitted(model, rows):
    return model.fit(texts[rows].tolist(), topics[rows], record_ids=ids[rows], subject_ids=authors[rows])


def right(model):
    return (model.predict(texts[asked].tolist()) == topics[asked]).astype(float)


for model in (words, SISAClassifier(words, n_shards=4)):
    fitted(model, learned)
    print(type(model).__name__, model.forget(subjects=who), f"{right(model).mean():.3f} right")
    fresh = fitted(type(model)(**model.get_params(deep=False)), learned & (authors != who))
    assert model.digest() == fresh.digest()
    print("the others:", knowledge_kept(right(model), [right(fresh)], tolerance=0.02))
