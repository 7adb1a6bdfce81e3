"""Films for everybody, by neighbours and by weights; one viewer is forgotten, and one film.

python examples/forget_a_taste.py [ratings.csv]     columns user, item, value and perhaps time
"""

import sys

import numpy as np
import pandas as pd

from expunge.recommend import EASE, ItemKNN, Popularity, by_group, ranking


def made() -> pd.DataFrame:
    """Two crowds with tastes of their own, and a viewer who alone saw one film."""
    rng = np.random.default_rng(0)
    users = rng.integers(0, 60, 1500)
    items = np.where(rng.random(1500) < 0.85, users % 2, rng.integers(0, 2, 1500)) * 20 + rng.integers(0, 20, 1500)
    frame = pd.DataFrame({"user": [f"v{u}" for u in users], "item": [f"film {i:02d}" for i in items], "value": 5.0})
    frame.loc[0, ["user", "item"]] = "v7", "Home Movie"
    return frame.drop_duplicates(["user", "item"], ignore_index=True)


frame = pd.read_csv(sys.argv[1]) if len(sys.argv) > 1 else made()
viewer, film = frame["user"].iloc[0], frame["item"].iloc[1]
held_out = frame.sample(frac=0.2, random_state=0)
held_out = held_out[held_out["user"] != viewer]
seen = frame.drop(held_out.index)

for model in (Popularity(), ItemKNN(n_neighbors=20), EASE(alpha=20.0), EASE(alpha=20.0, algorithm="bounded")):
    model.fit(seen, record_ids=seen.index.to_numpy())
    before = ranking(model.recommend(k=10), held_out, k=10)["ndcg"].mean()
    print(type(model).__name__, model.plan(subjects=viewer))
    removal = model.forget(subjects=viewer)
    model.forget(classes=[film])
    after = ranking(model.recommend(k=10), held_out, k=10)
    print(f"  {removal} {' '.join(removal.notes)}, NDCG@10 {before:.3f} -> {after['ndcg'].mean():.3f}")
    told = model.recommend([viewer], k=3)
    assert set(told["by"]) == {"popularity"}  # nothing is known of the viewer, and it says so
    assert film not in set(model.recommend(k=10)["item"])
    if removal.guarantee.kind == "exact":
        rest = seen[(seen["user"] != viewer) & (seen["item"] != film)]
        fresh = type(model)(**model.get_params()).fit(rest, record_ids=rest.index.to_numpy())
        assert fresh.digest() == model.digest()

crowd = {user: "even" if int(str(user).strip("v")) % 2 == 0 else "odd" for user in after.index}
print(by_group(after[["ndcg"]], crowd).round(3))
