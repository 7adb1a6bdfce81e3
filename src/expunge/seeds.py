"""Randomness that belongs to records: a keyed hash from (seed, purpose, record id) to 64 uniform bits.

A record's shard, slice, order and every other random choice about it derive from :func:`uniform64`. The choice of one
record never depends on which other records exist, so that removing one moves no other (promise P2).

The hash is SipHash-2-4 (Aumasson and Bernstein 2012), a pseudo-random function with a 128-bit key: without the seed
nobody can choose ids that land in one shard. The key is BLAKE2b-128 of the canonical text ``[kind, seed, *purpose]``;
the message is the id: eight little-endian bytes for an integer, UTF-8 for a text. The kind ("int" or "str") is part of
the key, so that the integer 17 and the text "17" are different records. It is computed on whole columns at once, and it
is the same on every platform.

References
----------
J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012, section 2.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidIdError, InvalidParameterError

__all__ = ["check_seed", "derive_seed", "siphash24", "uniform64"]

U64 = npt.NDArray[np.uint64]

_CHUNK = 16_384  # ids a pass: the four state words of a chunk stay in the second-level cache


def check_seed(seed: object) -> int:
    """The seed as a non-negative integer of any size, or a sentence that says what is wrong with it.

    Raises
    ------
    InvalidParameterError
        It is no integer from 0 on.
    """
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0:
        return int(seed)
    raise InvalidParameterError(f"seed must be a non-negative integer, got {seed!r}.", hint="Pass for example seed=0.")


def derive_seed(seed: int, *purpose: str | int) -> int:
    """An integer in [0, 2**31 - 1) for a generator that serves one purpose, as scikit-learn's ``random_state``.

    Parameters
    ----------
    seed : int
        The seed of the model.
    *purpose : str or int
        What the generator is for, for instance ``"estimator", 3``.

    Examples
    --------
    >>> derive_seed(0, "shard", 1) == derive_seed(0, "shard", 1)
    True
    >>> derive_seed(0, "shard", 1) == derive_seed(0, "shard", 2)
    False
    """
    return int.from_bytes(_digest("seed", seed, purpose)[:8], "little") % (2**31 - 1)


def uniform64(seed: int, purpose: str, ids: npt.NDArray[Any]) -> U64:
    """Uniform 64-bit integers, one for each record id.

    Parameters
    ----------
    seed : int
        The seed of the model: a non-negative integer of any size.
    purpose : str
        What the numbers decide; different purposes give independent numbers.
    ids : ndarray of int64, or of object holding str, shape (n,)
        Record ids, all of one kind.

    Returns
    -------
    ndarray of uint64, shape (n,)

    Raises
    ------
    InvalidIdError
        The ids are neither an int64 nor an object array.

    Notes
    -----
    O(n) time; about 0.1 s for a million integers.

    Examples
    --------
    >>> import numpy as np
    >>> a = uniform64(0, "shard", np.array([1, 2, 17]))
    >>> b = uniform64(0, "shard", np.array([17]))
    >>> bool(a[2] == b[0]), bool(b[0] == uniform64(0, "shard", np.array(["17"], dtype=object))[0])
    (True, False)
    """
    if ids.dtype == np.int64:
        words = ids.view(np.uint64).reshape(-1, 1)
        return siphash24(_digest("int", seed, (purpose,)), words, np.full(len(ids), 8, dtype=np.int64))
    if ids.dtype != object:
        raise InvalidIdError(f"Record ids must be an int64 or an object array, got dtype {ids.dtype}.")
    return _hash_texts(_digest("str", seed, (purpose,)), ids)


def siphash24(key: bytes, words: U64, lengths: npt.NDArray[np.int64]) -> U64:
    """SipHash-2-4 of many messages at once.

    Parameters
    ----------
    key : bytes of length 16
    words : ndarray of uint64, shape (n, w)
        Messages as little-endian words, padded with zero bytes.
    lengths : ndarray of int64, shape (n,)
        Length of each message in bytes, at most 8 w. A message occupies the first ``lengths // 8`` full words and, if
        it is not a multiple of eight, one more.

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    k0, k1 = np.frombuffer(key, dtype="<u8").astype(np.uint64)
    out = np.empty(len(words), dtype=np.uint64)
    for start in range(0, len(words), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = _siphash_chunk(k0, k1, words[part], lengths[part])
    return out


def _siphash_chunk(k0: np.uint64, k1: np.uint64, words: U64, lengths: npt.NDArray[np.int64]) -> U64:
    n = len(words)
    v = [
        np.full(n, k0 ^ np.uint64(0x736F6D6570736575)),
        np.full(n, k1 ^ np.uint64(0x646F72616E646F6D)),
        np.full(n, k0 ^ np.uint64(0x6C7967656E657261)),
        np.full(n, k1 ^ np.uint64(0x7465646279746573)),
    ]
    full = lengths // 8
    tail = (lengths.astype(np.uint64) & np.uint64(0xFF)) << np.uint64(56)
    shared = int(full.min()) if n else 0
    for j in range(int(full.max()) + 1 if n else 0):
        last = full == j
        word = words[:, j] if j < words.shape[1] else np.zeros(n, dtype=np.uint64)
        word = np.where(last, word | tail, word)
        live = None if j <= shared else full >= j
        before = None if live is None else [x.copy() for x in v]
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
        if live is not None and before is not None:
            for i in range(4):
                v[i] = np.where(live, v[i], before[i])
    v[2] ^= np.uint64(0xFF)
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[U64], count: int) -> None:
    spare = np.empty_like(v[0])
    for _ in range(count):
        v[0] += v[1]
        _rotate(v[1], 13, spare)
        v[1] ^= v[0]
        _rotate(v[0], 32, spare)
        v[2] += v[3]
        _rotate(v[3], 16, spare)
        v[3] ^= v[2]
        v[0] += v[3]
        _rotate(v[3], 21, spare)
        v[3] ^= v[0]
        v[2] += v[1]
        _rotate(v[1], 17, spare)
        v[1] ^= v[2]
        _rotate(v[2], 32, spare)


def _rotate(x: U64, bits: int, spare: U64) -> None:
    np.right_shift(x, np.uint64(64 - bits), out=spare)
    np.left_shift(x, np.uint64(bits), out=x)
    np.bitwise_or(x, spare, out=x)


def _hash_texts(key: bytes, ids: npt.NDArray[Any]) -> U64:
    encoded = [str(text).encode("utf-8", "surrogatepass") for text in ids.tolist()]
    lengths = np.fromiter((len(e) for e in encoded), dtype=np.int64, count=len(encoded))
    out = np.empty(len(encoded), dtype=np.uint64)
    for i in np.flatnonzero(lengths > 256):  # padding all to the longest would cost memory: these one by one
        out[i] = _hash_long(key, encoded[i])
    short = np.flatnonzero(lengths <= 256)
    for start in range(0, len(short), _CHUNK):
        part = short[start : start + _CHUNK]
        out[part] = siphash24(key, _as_words([encoded[i] for i in part]), lengths[part])
    return out


def _hash_long(key: bytes, message: bytes) -> np.uint64:
    from expunge.siphash import of_words  # few have so long texts: nobody else waits for numba

    k0, k1 = np.frombuffer(key, dtype="<u8").astype(np.uint64)
    words = _as_words([message])[0]
    tail = words[-1] | np.uint64(len(message) % 256 << 56)
    found: np.uint64 = np.uint64(of_words(k0, k1, words[:-1], tail))
    return found


def _as_words(messages: list[bytes]) -> U64:
    width = 8 * (max(map(len, messages)) // 8 + 1)
    padded = b"".join(m.ljust(width, b"\0") for m in messages)
    return np.frombuffer(padded, dtype="<u8").astype(np.uint64).reshape(len(messages), width // 8)


def _digest(kind: str, seed: int, purpose: tuple[str | int, ...]) -> bytes:
    text = json.dumps([kind, str(check_seed(seed)), *purpose], ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("ascii"), digest_size=16, person=b"expunge-seeds-1").digest()
