"""Third-party estimators: made repeatable before a fit, and stored without code after it.

:func:`prepare` and :func:`one_thread` remove what would make two fits on the same records differ: free random states,
threads, and choices by measured time. :func:`tighten` takes gaps out of arrays after it. :func:`dump_estimator` and
:func:`load_estimator` store a fitted estimator through skops in a canonical archive
(:mod:`expunge.estimators.skops_archive`): equal leaves (:func:`expunge.digest.leaf`), equal bytes.
"""

from expunge.estimators.dump import dump_estimator, load_estimator
from expunge.estimators.prepare import prepare
from expunge.estimators.threads import one_thread
from expunge.estimators.tight import tighten
from expunge.estimators.trusted import TRUSTED_TYPES

__all__ = ["TRUSTED_TYPES", "dump_estimator", "load_estimator", "one_thread", "prepare", "tighten"]
