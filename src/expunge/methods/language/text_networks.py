"""Two small networks that tell classes of texts from numbers of words: a mean of embeddings, and a transformer."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["MeanOfWords", "SmallTransformer"]


class MeanOfWords(nn.Module):
    """A linear layer on the mean of the embeddings of a text's words.

    Parameters
    ----------
    n_classes : int
    n_buckets : int, default=2**13
        As of :func:`~expunge.methods.language.hashed_words.hashed_words`.
    width : int, default=32

    References
    ----------
    A. Joulin and others, "Bag of tricks for efficient text classification", EACL 2017, section 2.

    Examples
    --------
    >>> MeanOfWords(3)(torch.tensor([[5, 6, 0], [0, 0, 0]])).shape
    torch.Size([2, 3])
    """

    def __init__(self, n_classes: int, *, n_buckets: int = 2**13, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_buckets, width, padding_idx=0)
        self.head = nn.Linear(width, n_classes)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Logits, shape (b, n_classes), from numbers of words, shape (b, length)."""
        out: torch.Tensor = self.head(_mean(self.embedding(words), words))
        return out


class SmallTransformer(nn.Module):
    """Self-attention over the words of a text, then a linear layer on the mean.

    Parameters
    ----------
    n_classes, n_buckets, width
        As of :class:`MeanOfWords`.
    length : int, default=64
        Most words of a text.
    n_layers, n_heads : int, default=1 and 4
    dropout : float, default=0.0

    References
    ----------
    A. Vaswani and others, "Attention is all you need", NeurIPS 2017, section 3.1: the encoder.

    Examples
    --------
    >>> SmallTransformer(3, length=8)(torch.tensor([[5, 6, 0], [0, 0, 0]])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, n_classes: int, *, n_buckets: int = 2**13, width: int = 32, length: int = 64, n_layers: int = 1,
        n_heads: int = 4, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embedding = nn.Embedding(n_buckets, width, padding_idx=0)
        self.place = nn.Parameter(torch.zeros(length, width))
        layer = nn.TransformerEncoderLayer(width, n_heads, 4 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, n_classes)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Logits, shape (b, n_classes), from numbers of words, shape (b, length)."""
        nothing = words == 0
        nothing[:, 0] = False  # a text without words attends to that
        inputs = self.embedding(words) + self.place[: words.shape[1]]
        out: torch.Tensor = self.head(_mean(self.encoder(inputs, src_key_padding_mask=nothing), words))
        return out


def _mean(values: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    there = (words > 0).unsqueeze(-1).to(values.dtype)
    return (values * there).sum(dim=1) / there.sum(dim=1).clamp(min=1.0)
