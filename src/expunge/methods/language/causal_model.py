"""A small causal language model on bytes, and the task of answering: no vocabulary is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from expunge.errors import InvalidDataError
from expunge.methods.networks.task import Task
from expunge.table.texts import texts_of

__all__ = ["END", "IGNORED", "AnswerTask", "CausalModel", "answer", "answer_rows"]

END, NOTHING = 256, 257  # behind the 256 bytes: the end of a question or an answer, and a place without a token
N_TOKENS = 258
IGNORED = -100
_AT_A_TIME = 16  # questions that are answered at once


class CausalModel(nn.Module):
    """A decoder-only transformer that predicts the next byte.

    Parameters
    ----------
    width : int, default=64
    n_layers, n_heads : int, default=2 and 4
    length : int, default=256
        Most tokens of a row.

    References
    ----------
    A. Radford and others, "Language models are unsupervised multitask learners", 2019, section 2.3: layer norms before
    attention and after the last block.

    Examples
    --------
    >>> CausalModel(width=16, length=8)(torch.tensor([[72, 105, 256]])).shape
    torch.Size([1, 3, 258])
    """

    def __init__(self, *, width: int = 64, n_layers: int = 2, n_heads: int = 4, length: int = 256) -> None:
        super().__init__()
        self.embedding = nn.Embedding(N_TOKENS, width)
        self.place = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList([_Block(width, n_heads) for _ in range(n_layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, N_TOKENS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the next token at each place, shape (b, t, 258)."""
        out: torch.Tensor = self.head(self.states(tokens))
        return out

    def states(self, tokens: torch.Tensor) -> torch.Tensor:
        """What the last layer reads, shape (b, t, width)."""
        h = self.embedding(tokens) + self.place[: tokens.shape[1]]
        for block in self.blocks:
            h = block(h)
        out: torch.Tensor = self.norm(h)
        return out


class _Block(nn.Module):
    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        b, t, width = h.shape
        parts = self.mix(self.before(h)).view(b, t, 3, self.n_heads, width // self.n_heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        h = h + self.out(mixed.transpose(1, 2).reshape(b, t, width))
        return torch.as_tensor(h + self.narrow(functional.gelu(self.wide(self.between(h)))))


def answer_rows(questions: Sequence[str], answers: Sequence[str], *, length: int = 256) -> tuple[Any, Any]:
    """Questions with answers as rows of bytes, and what is to be predicted.

    Parameters
    ----------
    questions, answers : sequences of n str
    length : int, default=256

    Returns
    -------
    inputs, targets : ndarray of int64, shape (n, length)
        Targets are the bytes of the answer and its end, and -100 elsewhere. An answer that is too long is cut.

    Raises
    ------
    InvalidDataError
        A question that leaves no place for an answer, or another number of answers.

    Examples
    --------
    >>> inputs, targets = answer_rows(["Hi?"], ["ho"], length=8)
    >>> inputs[0].tolist(), targets[0].tolist()
    ([72, 105, 63, 256, 104, 111, 257, 257], [-100, -100, -100, 104, 111, 256, -100, -100])
    """
    asked, told = texts_of(questions, 0), texts_of(answers, 0)
    if len(asked) != len(told):
        raise InvalidDataError(f"There are {len(asked)} questions and {len(told)} answers.", hint="One for each.")
    inputs = np.full((len(asked), length), NOTHING, dtype=np.int64)
    targets = np.full((len(asked), length), IGNORED, dtype=np.int64)
    for i, (question, wanted) in enumerate(zip(asked, told, strict=True)):
        row = [*_bytes(question), END]
        start = len(row)
        if start >= length:
            raise InvalidDataError(
                f"Question {i} has {start - 1} bytes; with length={length} no place is left for an answer.",
                hint="Raise length, or shorten it.",
            )
        row = [*row, *_bytes(wanted), END][: length + 1]
        inputs[i, : len(row) - 1] = row[:-1]
        targets[i, start - 1 : len(row) - 1] = row[start:]
    return inputs, targets


class AnswerTask(Task):
    """The task adapter of a causal model: the loss of a record is the mean of -log p over the tokens of its answer.

    What is measured is exp(-loss), the probability of the answer normalised by its length.

    Parameters
    ----------
    dataset : pair of arrays
        As :func:`answer_rows` gives them.
    record_ids, groups, batch_size
        As of :class:`~expunge.methods.networks.task.Task`.

    References
    ----------
    P. Maini and others, "TOFU: a task of fictitious unlearning for LLMs", COLM 2024, section 2.2.2: probability.
    """

    def losses(self, outputs: Any, targets: Any) -> torch.Tensor:
        each = functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=IGNORED
        ).view(targets.shape)
        there = targets != IGNORED
        return torch.as_tensor(each.sum(dim=1) / there.sum(dim=1).clamp(min=1))

    def measure(self, outputs: Any, targets: Any) -> torch.Tensor:
        return torch.exp(-self.losses(outputs, targets))


@torch.no_grad()
def answer(model: Any, questions: Sequence[str], *, most: int = 80, length: int = 256) -> list[str]:
    """The likeliest answer, byte by byte.

    Parameters
    ----------
    model : Module, or callable
        From tokens (b, t) to logits (b, t, 258), or to log p.
    questions : sequence of n str
    most : int, default=80
        Bytes of an answer.
    length : int, default=256
        Most tokens that the model reads.
    """
    out: list[str] = []
    rows = [[*_bytes(question), END] for question in texts_of(questions, 0)]
    for start in range(0, len(rows), _AT_A_TIME):
        out += _told(model, rows[start : start + _AT_A_TIME], most, length)
    return out


def _told(model: Any, asked: list[list[int]], most: int, length: int) -> list[str]:
    """Answers to a few questions at once, which end where their own end comes."""
    ends, told = [len(row) for row in asked], [list[int]() for _ in asked]
    tokens = torch.full((len(asked), max(ends) + most), NOTHING)
    for row, question in zip(tokens, asked, strict=True):
        row[: len(question)] = torch.tensor(question)
    going = [i for i, end in enumerate(ends) if end < min(length, end + most)]
    while going:
        lasts = [ends[i] + len(told[i]) - 1 for i in going]
        logits = model(tokens[going, : max(lasts) + 1])[torch.arange(len(going)), lasts]
        left = []
        for i, last, token in zip(going, lasts, logits.argmax(dim=-1).tolist(), strict=True):
            if token < END:
                told[i].append(token)
                tokens[i, last + 1] = token
                if len(told[i]) < most and ends[i] + len(told[i]) < length:
                    left.append(i)
        going = left
    return [bytes(row).decode("utf-8", "replace") for row in told]


def _bytes(text: str) -> list[int]:
    return list(text.encode("utf-8", "surrogatepass"))
