"""The workspace that a route is about."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from expunge.service.desk import Desk

__all__ = ["At"]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


At = Annotated[Desk, Depends(_desk)]
