"""A workspace over HTTP, for ticket systems, dashboards and applications: parse, call the facade, answer.

:func:`make_app` gives the application, for any server that speaks ASGI; :class:`Service` is the one behind
``expunge serve``. Both need the extra ``serve``.
"""

from expunge.extras import needs_fastapi

with needs_fastapi():
    from expunge.service.app import make_app
    from expunge.service.running import Service

__all__ = ["Service", "make_app"]
