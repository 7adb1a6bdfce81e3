"""How many shards and slices? Measured on a sample of one's own table, forecast by an exact model of cost.

:func:`advise_shards` takes a file. In Python any estimator will do: :func:`measure` it on a sample, then :func:`advise`
as often as one has another :class:`Question`. :func:`advise_privacy_of` says how to forget at an
epsilon, on the table of a file; :func:`advise_privacy` needs no table.
"""

from expunge.workspace.advice.advice import COLUMNS, Advice, advise
from expunge.workspace.advice.measure import measure
from expunge.workspace.advice.measured import Measured, Score
from expunge.workspace.advice.page import check_files, write_files
from expunge.workspace.advice.privacy import PRIVACY_COLUMNS, PrivacyAdvice, advise_privacy
from expunge.workspace.advice.privacy_picture import check_plot, write_privacy
from expunge.workspace.advice.privacy_table import advise_privacy_of
from expunge.workspace.advice.question import Question
from expunge.workspace.advice.table import advise_shards

__all__ = [
    "COLUMNS",
    "PRIVACY_COLUMNS",
    "Advice",
    "Measured",
    "PrivacyAdvice",
    "Question",
    "Score",
    "advise",
    "advise_privacy",
    "advise_privacy_of",
    "advise_shards",
    "check_files",
    "check_plot",
    "measure",
    "write_files",
    "write_privacy",
]
