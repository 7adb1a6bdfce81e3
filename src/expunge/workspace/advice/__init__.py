"""How many shards and slices? Measured on a sample of one's own table, forecast by an exact model of cost.

:func:`advise_shards` takes a file. In Python any estimator will do: :func:`measure` it on a sample, then :func:`advise`
as often as one has another :class:`Question`.
"""

from expunge.workspace.advice.advice import COLUMNS, Advice, advise
from expunge.workspace.advice.measure import measure
from expunge.workspace.advice.measured import Measured, Score
from expunge.workspace.advice.page import check_files, write_files
from expunge.workspace.advice.question import Question
from expunge.workspace.advice.table import advise_shards

__all__ = [
    "COLUMNS",
    "Advice",
    "Measured",
    "Question",
    "Score",
    "advise",
    "advise_shards",
    "check_files",
    "measure",
    "write_files",
]
