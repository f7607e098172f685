"""The users API: ``GET /users`` answers the users, anything else is not there."""

from __future__ import annotations

import os
from http import HTTPStatus

from server import serve
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

USERS = [
    {"id": 1, "name": "Ada Lovelace", "email": "ada@example.org"},
    {"id": 2, "name": "Grace Hopper", "email": "grace@example.org"},
    {"id": 3, "name": "Margaret Hamilton", "email": "margaret@example.org"},
]
MESSAGE = os.environ.get("USERS_MESSAGE", "Users found")


async def users(_: Request) -> JSONResponse:
    return JSONResponse({"error": False, "code": 200, "message": MESSAGE, "data": USERS})


async def refused(_: Request, reason: Exception) -> JSONResponse:
    """Whatever fails is answered in one shape, and says nothing about the inside."""
    code, headers = 500, None
    if isinstance(reason, HTTPException):
        code, headers = reason.status_code, reason.headers
    body = {"error": True, "code": code, "message": HTTPStatus(code).phrase}
    return JSONResponse(body, code, headers)


app = Starlette(
    routes=[Route("/users", users)],
    exception_handlers={HTTPException: refused, Exception: refused},
)
app.router.redirect_slashes = False  # `/users/` is another path

if __name__ == "__main__":
    serve(app)
