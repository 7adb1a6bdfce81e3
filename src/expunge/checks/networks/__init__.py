"""The contract of methods for networks: small, and the same for all. Needs the extra ``torch``.

::

    from expunge.checks.networks import check_network_method
    check_network_method(MyMethod())

They are no estimators, so the contract of :mod:`expunge.checks` is not theirs; what they share with it is that a
request is refused before anything is touched, that the same seed gives the same bits, and that work is counted.
"""

from expunge.checks.networks.case import NetworkCase
from expunge.checks.networks.run import NETWORK_CHECKS, check_network_method

__all__ = ["NETWORK_CHECKS", "NetworkCase", "check_network_method"]
