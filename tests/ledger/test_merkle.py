"""The Merkle tree against the example of RFC 9162, published vectors, and other mathematics on all small trees."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from expunge.errors import InvalidParameterError, TamperedError
from expunge.ledger import merkle
from expunge.ledger.merkle import (
    EMPTY_ROOT,
    MemoryHashes,
    Tree,
    leaf_hash,
    parent_hash,
    root,
    stored,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text(encoding="utf-8"))
LEAVES = [leaf_hash(bytes([i])) for i in range(70)]
LARGEST = 20


def tree_of(leaves: list[bytes]) -> Tree:
    store = MemoryHashes()
    tree = Tree(store)
    store.append(tree.grow(leaves))
    return tree


def slow_root(leaves: list[Any], join: Any = parent_hash) -> Any:
    """The definition (RFC 9162, 2.1.1), by recursion over the list itself."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return join(slow_root(leaves[:k], join), slow_root(leaves[k:], join))


# ---------------------------------------------------------------- RFC 9162


def test_hashes_have_their_prefixes() -> None:
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert parent_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()
    assert root([]) == EMPTY_ROOT == hashlib.sha256().digest()


def test_the_worked_example_of_the_rfc() -> None:
    """Section 2.1.5: seven entries; the letters are those of its drawing."""
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = parent_hash(a, b), parent_hash(c, d), parent_hash(e, f)
    k, l = parent_hash(g, h), parent_hash(i, j)  # noqa: E741
    tree = tree_of(LEAVES[:7])
    assert tree.root() == parent_hash(k, l)
    assert tree.inclusion_proof(0) == [b, h, l]
    assert tree.inclusion_proof(3) == [c, g, l]
    assert tree.inclusion_proof(4) == [f, j, k]
    assert tree.inclusion_proof(6) == [i, k]
    assert tree.root(3) == parent_hash(g, c)
    assert tree.root(4) == k
    assert tree.root(6) == parent_hash(k, i)
    assert tree.consistency_proof(3) == [c, d, g, l]
    assert tree.consistency_proof(4) == [l]
    assert tree.consistency_proof(6) == [i, j, k]


# ---------------------------------------------------------------- published vectors


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_vectors_are_there() -> None:
    assert (len(VECTORS["inclusion"]), len(VECTORS["consistency"])) == (98, 98)


@pytest.mark.parametrize("name", VECTORS["inclusion"])
def test_published_inclusion_proof(name: str) -> None:
    v = VECTORS["inclusion"][name]
    path = [_bytes(step) for step in v["proof"] or ()]
    good = verify_inclusion(_bytes(v["leafHash"]), v["leafIdx"], v["treeSize"], path, _bytes(v["root"]))
    assert good is not v["wantErr"], v["desc"]


@pytest.mark.parametrize("name", VECTORS["consistency"])
def test_published_consistency_proof(name: str) -> None:
    v = VECTORS["consistency"][name]
    path = [_bytes(step) for step in v["proof"] or ()]
    good = verify_consistency(v["size1"], v["size2"], path, _bytes(v["root1"]), _bytes(v["root2"]))
    assert good is not v["wantErr"], v["desc"]


# ---------------------------------------------------------------- all small trees


def test_roots_are_those_of_the_definition() -> None:
    tree = tree_of(LEAVES)
    for n in range(1, len(LEAVES) + 1):
        assert tree.root(n) == root(LEAVES[:n]) == slow_root(LEAVES[:n])
    assert tree.root(0) == EMPTY_ROOT


def test_growth_does_not_depend_on_the_batches() -> None:
    whole = MemoryHashes()
    whole.append(Tree(whole).grow(LEAVES))
    for width in (1, 2, 3, 7, 64):
        store = MemoryHashes()
        for start in range(0, len(LEAVES), width):
            store.append(Tree(store).grow(LEAVES[start : start + width]))
        assert store._hashes == whole._hashes
    assert len(whole._hashes) == stored(len(LEAVES)) == 2 * len(LEAVES) - bin(len(LEAVES)).count("1")


def test_inclusion_proofs_split_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """With pairs in the place of hashes a proof can be looked into: it is the rest of the leaves, in whole subtrees."""
    monkeypatch.setattr(merkle, "parent_hash", lambda left, right: (left, right))

    def leaves_of(term: Any) -> list[int]:
        return [term] if isinstance(term, int) else leaves_of(term[0]) + leaves_of(term[1])

    store = MemoryHashes()
    for index in range(LARGEST):
        peaks = Tree(store)._read(merkle._peaks(0, index))
        store.append(merkle.completed(peaks, index, index))  # type: ignore[arg-type]
    tree = Tree(store)
    for n in range(1, LARGEST + 1):
        assert tree.root(n) == slow_root(list(range(n)), lambda left, right: (left, right))
        for index in range(n):
            terms = [leaves_of(term) for term in tree.inclusion_proof(index, n)]
            assert sorted([index, *chain(*terms)]) == list(range(n))
        for old in range(1, n):
            terms = [leaves_of(term) for term in tree.consistency_proof(old, n)]
            inside = [term for term in terms if term[-1] < old]
            outside = [term for term in terms if term[0] >= old]
            assert len(inside) + len(outside) == len(terms), "no subtree crosses the end of the old tree"
            assert sorted(chain(*outside)) == list(range(old, n))
            assert not inside or sorted(chain(*inside)) == list(range(old))
            assert bool(inside) != (old & (old - 1) == 0), "the old root itself need not be sent"


def test_every_proof_of_a_small_tree_is_good_and_for_nothing_else() -> None:
    tree = tree_of(LEAVES[:LARGEST])
    roots = [tree.root(n) for n in range(LARGEST + 1)]
    for n in range(1, LARGEST + 1):
        for index in range(n):
            path = tree.inclusion_proof(index, n)
            for other_index in range(-1, n + 2):
                for leaf in range(n):
                    good = verify_inclusion(LEAVES[leaf], other_index, n, path, roots[n])
                    assert good is (leaf == index == other_index)
            for size in range(1, LARGEST + 1):
                if size != n:
                    assert not verify_inclusion(LEAVES[index], index, size, path, roots[size])
        for old in range(1, n + 1):
            path = tree.consistency_proof(old, n)
            for wrong in range(n + 1):
                assert verify_consistency(wrong, n, path, roots[wrong], roots[n]) is (wrong == old)
        assert tree.consistency_proof(0, n) == []
        assert not verify_consistency(0, n, [], EMPTY_ROOT, roots[n])


def test_a_changed_proof_is_refused() -> None:
    tree = tree_of(LEAVES[:11])
    for index in range(11):
        path = tree.inclusion_proof(index)
        for wrong in _changes(path):
            assert not verify_inclusion(LEAVES[index], index, 11, wrong, tree.root())
    for old in range(1, 11):
        path = tree.consistency_proof(old)
        for wrong in _changes(path):
            assert not verify_consistency(old, 11, wrong, tree.root(old), tree.root())
        assert not verify_consistency(old, 11, path, tree.root(old - 1), tree.root())
        assert not verify_consistency(old, 11, path, tree.root(old), tree.root(10))


def _changes(path: list[bytes]) -> list[list[bytes]]:
    flipped = [[*path[:i], bytes([step[0] ^ 1]) + step[1:], *path[i + 1 :]] for i, step in enumerate(path)]
    shorter = [path[:-1], path[1:]] if path else []
    longer = [[*path, LEAVES[0]], [LEAVES[0], *path], [*path, b""]]
    swapped = [[path[1], path[0], *path[2:]]] if len(path) > 1 else []
    return flipped + shorter + longer + swapped


# ---------------------------------------------------------------- work and refusals


class Counting(MemoryHashes):
    """How many hashes are read."""

    reads = 0

    def hashes(self, positions: Any) -> list[bytes]:
        self.reads += len(positions)
        return super().hashes(positions)


def test_work_grows_with_the_logarithm() -> None:
    store = Counting()
    tree = Tree(store)
    for _ in range(10):
        store.append(tree.grow(LEAVES[:70] * 100))
    n = 70_000
    store.reads = 0
    tree.root()
    assert store.reads <= n.bit_length()
    for act in (lambda: tree.inclusion_proof(12_345), lambda: tree.consistency_proof(54_321)):
        store.reads = 0
        assert len(act()) <= n.bit_length() + 1
        assert store.reads <= n.bit_length() ** 2


def test_what_is_not_there_is_refused() -> None:
    tree = tree_of(LEAVES[:5])
    for act in (
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(0, 6),
        lambda: tree.consistency_proof(6),
        lambda: tree.consistency_proof(3, 2),
        lambda: tree.leaf(5),
        lambda: tree.leaf(-1),
        lambda: tree.root(-1),
        lambda: tree.grow([b"short"]),
    ):
        with pytest.raises(InvalidParameterError):
            act()


def test_a_store_with_a_hash_too_few_is_no_tree() -> None:
    store = MemoryHashes()
    store.append(Tree(store).grow(LEAVES[:4])[:-1])
    with pytest.raises(TamperedError, match="6 hashes"):
        Tree(store).root()
