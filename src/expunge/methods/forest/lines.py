"""What a change does to trees, line by line: one for each node that it comes by.

A line says *what*, the node, from and to among the records of the change, tree, block of the digest and depth. One that
refreshes names the tally that was made anew. One that replaces a subtree names its nodes (from, to), where its records
stand and how many they are, its tallies (from, to), and the key of its root.
"""

from __future__ import annotations

__all__ = ["ADJUST", "DROP", "IN_LEAF", "LINE", "REFRESH", "REPLACE", "TALLIED"]

#: Counts; and the cached tally; a tally made anew; one that serves no longer; the list of a leaf; a subtree grown anew.
ADJUST, TALLIED, REFRESH, DROP, IN_LEAF, REPLACE = range(6)
#: Numbers in a line.
LINE = 14
