"""The table of workloads. Listing it loads nothing."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expunge.lab.data import Data

__all__ = ["WORKLOADS", "Workload"]


@dataclasses.dataclass(frozen=True)
class Workload:
    """Data under a name.

    Parameters
    ----------
    what : str
        In a few words.
    source : callable, or str
        ``source(n, **dials)`` gives :class:`~expunge.lab.data.Data` of n records, all for None; or "module:function".
    n : int, optional
        Records if the name says nothing else; default: all.
    dials : tuple of str
        Further arguments of ``source``.
    licence : str
        Of the data.
    file : str
        What has to lie in the folder of data; empty where nothing has to.
    """

    what: str
    source: Callable[..., Data] | str
    n: int | None = None
    dials: tuple[str, ...] = ()
    licence: str = ""
    file: str = ""

    def load(self, n: int | None, **dials: object) -> Data:
        """The data."""
        source = self.source
        if isinstance(source, str):
            module, _, name = source.partition(":")
            source = getattr(importlib.import_module(module), name)
        loaded: Data = source(n, **dials)
        return loaded


_TABLES = "expunge.lab.workloads.tables"
_IMAGES = "expunge.lab.workloads.images"
_TEXTS = "expunge.lab.workloads.texts"
_NUMBERS = "expunge.lab.workloads.numbers"
_ANOMALIES = "expunge.lab.workloads.anomalies"
_GROUPS = "expunge.lab.workloads.groups"
_ARTICLES = "expunge.lab.workloads.articles"
_HISTORIES = "expunge.lab.workloads.histories"

WORKLOADS: dict[str, Workload] = {
    "adult": Workload("people and their income", f"{_TABLES}:adult", 4000, licence="CC BY 4.0", file="adult.csv.gz"),
    "adult-age": Workload("people and their age", f"{_NUMBERS}:adult_age", 4000, licence="CC BY 4.0",
                          file="adult.csv.gz"),
    "bank": Workload("customers and a deposit", f"{_TABLES}:bank", 4000, licence="CC BY 4.0",
                     file="bank_marketing.csv.gz"),
    "breast-cancer": Workload("cells, malignant or benign; bundled", f"{_TABLES}:breast_cancer"),
    "cardio": Workload("foetal heart rates, some pathological", f"{_ANOMALIES}:cardio", file="adbench_cardio.npz"),
    "cifar10": Workload("small colour images, 10 kinds", f"{_IMAGES}:cifar10", 4000, ("test",),
                        file="cifar10_train.npz"),
    "cifar100": Workload("small colour images, 100 kinds", f"{_IMAGES}:cifar100", 10_000, file="cifar-100-binary"),
    "compas": Workload("defendants, charged again or not", f"{_TABLES}:compas", 4000, file="compas_two_years.csv.gz"),
    "diabetes": Workload("patients with several stays", f"{_TABLES}:diabetes", 4000, licence="CC BY 4.0",
                         file="diabetes_130us.csv.gz"),
    "digit-groups": Workload("images of digits, 8 by 8, to be put into groups; bundled", f"{_GROUPS}:digits"),
    "digits": Workload("images of digits, 8 by 8; bundled", f"{_IMAGES}:digits"),
    "faces": Workload("40 people, ten pictures each", f"{_IMAGES}:faces", file="orl_faces.npz"),
    "fashion": Workload("images of clothes, 28 by 28", f"{_IMAGES}:fashion", 4000, ("test",), licence="MIT",
                        file="fashion_mnist.npz"),
    "films": Workload("reviews of films, several of each", f"{_TEXTS}:films", 4000, file="imdb_10k.jsonl.gz"),
    "folder": Workload("a folder of images in ImageNet's layout", f"{_IMAGES}:folder_of_images", None,
                       ("folder", "size")),
    "messages": Workload("short messages, spam or not", f"{_TEXTS}:messages", 4000, licence="CC BY 4.0",
                         file="sms_spam.jsonl.gz"),
    "news": Workload("news of four kinds", f"{_TEXTS}:news", 4000, file="ag_news_test.jsonl.gz"),
    "location": Workload("places where people were, 30 kinds of people", f"{_TABLES}:location", file="location30.npz"),
    "mnist": Workload("images of digits, 28 by 28", f"{_IMAGES}:mnist", 4000, ("test",),
                      licence="CC BY-SA 3.0", file="mnist.npz"),
    "mnist-groups": Workload("images of digits, 28 by 28, to be put into groups", f"{_GROUPS}:mnist", 4000,
                             licence="CC BY-SA 3.0", file="mnist.npz"),
    "movies": Workload("users and the films they rated", f"{_HISTORIES}:movies", 20_000, licence="GroupLens terms",
                       file="ml100k_ratings.csv.gz"),
    "passages": Workload("passages of articles, each to be found by a question", f"{_ARTICLES}:passages",
                         licence="CC BY-SA 4.0", file="xquad_en.jsonl.gz"),
    "progression": Workload("how far a disease is after a year; bundled", f"{_NUMBERS}:progression"),
    "questions": Workload("questions about passages, with answers", f"{_ARTICLES}:questions",
                          licence="CC BY-SA 4.0", file="xquad_en.jsonl.gz"),
    "sentences": Workload("sentences about films, of a treebank", f"{_TEXTS}:sentences", 4000, file="sst2.jsonl.gz"),
    "sentiment": Workload("sentences about films", f"{_TEXTS}:sentiment", 4000, file="rt_polarity.jsonl.gz"),
    "shuttle": Workload("readings of a space shuttle, some unusual", f"{_ANOMALIES}:shuttle", 4000,
                        file="adbench_shuttle.npz"),
    "threes-and-eights": Workload("images of two digits, 28 by 28", f"{_IMAGES}:threes_and_eights", 4000, ("test",),
                                  licence="CC BY-SA 3.0", file="mnist.npz"),
    "thyroid": Workload("blood values, some of the ill", f"{_ANOMALIES}:thyroid", file="adbench_thyroid.npz"),
    "topics": Workload("posts of 20 newsgroups, with authors", f"{_TEXTS}:topics", 4000, file="newsgroups20.jsonl.gz"),
}  # fmt: skip
