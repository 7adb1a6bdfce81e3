"""A card for every attack and distance: what it looks at, which way it points, and what is ideal.

``decides`` says whether the verdict looks at an attack. It may only where the attack catches one of the shipped
controls (``expunge audit --self-test``; the table is in the documentation).
"""

from __future__ import annotations

import dataclasses

from expunge.errors import InvalidParameterError

__all__ = ["CARDS", "Card", "card"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """One metric.

    Parameters
    ----------
    name : str
    looks_at : str
        What it needs.
    direction : str
        What a larger value says.
    ideal : str
        The value of a retrained model. Where the null range is measured, it stands beside every figure.
    reference : str
    decides : bool
    """

    name: str
    looks_at: str
    direction: str
    ideal: str
    reference: str
    decides: bool = False


_MORE = "remembers more"
_AUC = "0.5, and the range of the retrained references"
_TRI = "Triantafillou et al. 2024"
_OUT = "true-class probability, references without the records"
_SONG = "Song and Mittal 2021"

CARDS: dict[str, Card] = {
    c.name: c
    for c in (
        Card(name="loss", looks_at="true-class probability", direction=_MORE, ideal=_AUC, reference="Yeom et al. 2018",
             decides=True),
        Card(name="loss by class", looks_at="true-class probability, class", direction=_MORE, ideal=_AUC,
             reference=_SONG, decides=True),
        Card(name="entropy", looks_at="all probabilities", direction=_MORE, ideal=_AUC, reference=_SONG, decides=True),
        Card(name="entropy by class", looks_at="all probabilities, class", direction=_MORE, ideal=_AUC, reference=_SONG,
             decides=True),
        Card(name="modified entropy", looks_at="all probabilities", direction=_MORE, ideal=_AUC, reference=_SONG,
             decides=True),
        Card(name="modified entropy by class", looks_at="all probabilities, class", direction=_MORE, ideal=_AUC,
             reference=_SONG, decides=True),
        Card(name="label only", looks_at="predicted label", direction=_MORE, ideal=_AUC, reference="Yeom et al. 2018",
             decides=True),
        Card(name="LiRA", looks_at=_OUT, direction=_MORE, ideal=_AUC,
             reference="Carlini et al. 2022", decides=True),
        Card(name="RMIA", looks_at=_OUT, direction=_MORE, ideal=_AUC,
             reference="Zarifzadeh et al. 2024", decides=True),
        Card(name="exponential family", looks_at=_OUT,
             direction=_MORE, ideal=_AUC, reference="Brännvall 2026; Smyth 2004", decides=True),
        Card(name="memory left", looks_at="true-class probability, references of both kinds", direction=_MORE,
             ideal="0, and the range of the retrained references", reference="Fisher 1936", decides=True),
        Card(name="starter kit", looks_at="losses", direction=_MORE, ideal="0.5", reference=_TRI),
        Card(name="LiRA online", looks_at="references on random halves", direction=_MORE, ideal=_AUC,
             reference="Carlini et al. 2022"),
        Card(name="RMIA online", looks_at="references on random halves", direction=_MORE, ideal=_AUC,
             reference="Zarifzadeh et al. 2024"),
        Card(name="U-LiRA", looks_at="many models, unlearned and never trained", direction=_MORE, ideal="0.5",
             reference="Hayes et al. 2024"),
        Card(name="before and after", looks_at="both versions", direction="the erasure shows more",
             ideal="that of another retraining pair: an exact erasure shows too", reference="Chen et al. 2021"),
        Card(name="KLoM", looks_at="many models", direction="farther from retraining",
             ideal="retrained against retrained", reference="Georgiev et al. 2024"),
        Card(name="forgetting score", looks_at="many models", direction="nearer to retraining",
             ideal="retrained against retrained, far below 1", reference=_TRI),
        Card(name="weight distance", looks_at="weights", direction="farther", ideal="retrained against retrained",
             reference="Wu et al. 2020"),
        Card(name="layer distance", looks_at="weights", direction="farther", ideal="retrained against retrained",
             reference="Chundawat et al. 2023"),
        Card(name="activation distance", looks_at="outputs", direction="farther", ideal="retrained against retrained",
             reference="Chundawat et al. 2023"),
        Card(name="KL divergence", looks_at="outputs", direction="farther", ideal="retrained against retrained",
             reference="Kullback and Leibler 1951"),
        Card(name="JS divergence", looks_at="outputs", direction="farther", ideal="retrained against retrained",
             reference="Lin 1991"),
        Card(name="completeness", looks_at="predicted labels", direction="nearer", ideal="retrained against retrained",
             reference="Cao and Yang 2015"),
        Card(name="ZRF", looks_at="outputs, an untrained model", direction="answers more like a guess",
             ideal="that of the retrained model, not 1", reference="Chundawat et al. 2023"),
        Card(name="forgetting rate", looks_at="an attack before and after", direction="loses more members",
             ideal="that of the retrained model", reference="Ma et al. 2022"),
        Card(name="anamnesis index", looks_at="training again", direction="relearns slower", ideal="1",
             reference="Chundawat et al. 2023"),
        Card(name="backdoor", looks_at="marked queries", direction=_MORE, ideal="rate without the mark",
             reference="Sommer et al. 2022"),
        Card(name="reconstruction", looks_at="both versions of a linear model", direction="gives away more",
             ideal="none: an exact erasure gives the row away too", reference="Bertran et al. 2024"),
        Card(name="two samples over seeds", looks_at="many models", direction="nearer: a p-value", ideal="above alpha",
             reference="Szekely and Rizzo 2013"),
        Card(name="digest", looks_at="the learned state", direction="equal or not", ideal="equal",
             reference="the documentation of digests"),
    )
}  # fmt: skip


def card(name: str) -> Card:
    """The card of a metric.

    Raises
    ------
    InvalidParameterError
        There is no metric of this name.

    Examples
    --------
    >>> card("KLoM").ideal
    'retrained against retrained'
    """
    if name not in CARDS:
        raise InvalidParameterError(f"There is no metric {name!r}.", hint=f"Known are {', '.join(sorted(CARDS))}.")
    return CARDS[name]
