"""SipHash-2-4 of one long message, compiled: arrays of one word would cost a call of the interpreter for each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.compiled import inline, njit

__all__ = ["of_words"]


@inline
def _turned(x: Any, left: Any, right: Any) -> Any:
    return (x << left) | (x >> right)


@njit
def of_words(k0: Any, k1: Any, words: Any, tail: Any) -> Any:
    """The hash under the key (k0, k1) of a message of full words, shape (w,), and a last one that holds its length."""
    _13, _51, _16, _48 = np.uint64(13), np.uint64(51), np.uint64(16), np.uint64(48)
    _17, _47, _21, _43, _32 = np.uint64(17), np.uint64(47), np.uint64(21), np.uint64(43), np.uint64(32)
    v0, v1 = k0 ^ np.uint64(0x736F6D6570736575), k1 ^ np.uint64(0x646F72616E646F6D)
    v2, v3 = k0 ^ np.uint64(0x6C7967656E657261), k1 ^ np.uint64(0x7465646279746573)
    w = len(words)
    for j in range(w + 2):
        word, rounds = np.uint64(0), 2
        if j < w:
            word = words[j]
        elif j == w:
            word = tail
        else:
            v2 ^= np.uint64(0xFF)
            rounds = 4
        v3 ^= word
        for _ in range(rounds):
            v0 += v1
            v1 = _turned(v1, _13, _51) ^ v0
            v0 = _turned(v0, _32, _32)
            v2 += v3
            v3 = _turned(v3, _16, _48) ^ v2
            v0 += v3
            v3 = _turned(v3, _21, _43) ^ v0
            v2 += v1
            v1 = _turned(v1, _17, _47) ^ v2
            v2 = _turned(v2, _32, _32)
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3
