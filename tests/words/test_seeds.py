"""The keyed hash: against the published vector, against plain-integer SipHash, and record by record."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge import seeds
from expunge.errors import InvalidIdError, InvalidParameterError
from expunge.seeds import _digest, check_seed, derive_seed, siphash24, uniform64

KEY = bytes(range(16))


def slow_siphash(key: bytes, message: bytes) -> int:
    """SipHash-2-4 in plain integers, byte by byte from the paper's description."""
    mask = 2**64 - 1
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def turn(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & mask

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def as_words(messages: list[bytes]) -> np.ndarray:
    width = max(len(m) for m in messages) // 8 + 1
    return np.array([np.frombuffer(m.ljust(8 * width, b"\0"), dtype="<u8") for m in messages], dtype=np.uint64)


def test_the_papers_vector_comes_out() -> None:
    message = bytes(range(15))  # appendix A of the paper
    assert slow_siphash(KEY, message) == 0xA129CA6149BE45E5
    assert siphash24(KEY, as_words([message]), np.array([15]))[0] == 0xA129CA6149BE45E5


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20), st.binary(min_size=16, max_size=16))
def test_many_messages_at_once_equal_one_after_another(messages: list[bytes], key: bytes) -> None:
    found = siphash24(key, as_words(messages), np.array([len(m) for m in messages]))
    assert found.tolist() == [slow_siphash(key, m) for m in messages]


@given(st.lists(st.text(max_size=400), unique=True, min_size=1, max_size=10))
def test_a_record_hashes_the_same_alone_and_in_company(texts: list[str]) -> None:
    ids = np.empty(len(texts), dtype=object)
    ids[:] = texts
    together = uniform64(3, "shard", ids)
    alone = [uniform64(3, "shard", ids[i : i + 1])[0] for i in range(len(ids))]
    assert together.tolist() == alone
    assert len(set(together.tolist())) == len(texts)


def test_values_never_change() -> None:
    """Saved models depend on these numbers: a change here breaks every file ever written."""
    numbers = uniform64(0, "order", np.array([0, 1, -1, 2**62]))
    texts = uniform64(2**100, "order", np.array(["0", "müller", ""], dtype=object))
    assert numbers.tolist() == GOLDEN_NUMBERS
    assert texts.tolist() == GOLDEN_TEXTS


GOLDEN_NUMBERS = [3847347857589268997, 17183474021307776758, 7503991040168701021, 12561075737181012427]
GOLDEN_TEXTS = [16893088686966488973, 3947305886479375859, 4456591415291665075]


def test_kind_seed_and_purpose_matter() -> None:
    one = uniform64(0, "a", np.array([17]))[0]
    others = [
        uniform64(0, "a", np.array(["17"], dtype=object))[0],
        uniform64(1, "a", np.array([17]))[0],
        uniform64(0, "b", np.array([17]))[0],
        uniform64(2**70, "a", np.array([17]))[0],
    ]
    assert one not in others


def test_bits_are_uniform() -> None:
    """Every bit is set in half of a million hashes, within five standard deviations."""
    hashes = uniform64(0, "uniform", np.arange(1_000_000))
    share = np.array([np.mean((hashes >> np.uint64(bit)) & np.uint64(1)) for bit in range(64)])
    assert np.abs(share - 0.5).max() < 5 * 0.5 / 1000


def test_long_and_mixed_texts() -> None:
    ids = np.array(["x" * 257, "y" * 1000, "z", "", "ü" * 200], dtype=object)
    assert uniform64(1, "a", ids).tolist() == [uniform64(1, "a", ids[i : i + 1])[0] for i in range(5)]


@pytest.mark.parametrize("length", [257, 263, 264, 4_096, 100_003])
def test_a_long_text_hashes_as_the_paper_says(length: int) -> None:
    ids = np.empty(1, dtype=object)
    ids[0] = text = ("müller, " * length)[:length]
    key = _digest("str", 5, ("category",))
    assert uniform64(5, "category", ids).tolist() == [slow_siphash(key, text.encode())]


def test_a_long_text_takes_no_call_for_each_word(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    steps = seeds._rounds
    monkeypatch.setattr(seeds, "_rounds", lambda v, count: calls.append(count) or steps(v, count))
    ids = np.array(["x" * 200, "y" * 40_000], dtype=object)
    uniform64(1, "a", ids)
    assert 0 < len(calls) < 100


def test_no_ids_give_no_hashes() -> None:
    assert len(uniform64(0, "a", np.empty(0, dtype=np.int64))) == 0
    assert len(uniform64(0, "a", np.empty(0, dtype=object))) == 0


@pytest.mark.parametrize("seed", [-1, 1.0, True, None, "0", np.float64(3)])
def test_a_seed_that_is_no_count_is_refused(seed: object) -> None:
    with pytest.raises(InvalidParameterError, match="seed must be a non-negative integer"):
        check_seed(seed)


def test_float_ids_are_refused() -> None:
    with pytest.raises(InvalidIdError, match="float64"):
        uniform64(0, "a", np.array([1.0]))


def test_derived_seeds_fit_every_generator() -> None:
    seeds = {derive_seed(0, "estimator", i) for i in range(1000)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 - 1 for seed in seeds)
