"""The team of a project."""

from __future__ import annotations

from typing import Unpack

from ...session.call import NOT_GIVEN, NotGiven
from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE, check_text, check_uid, given
from ..models import User
from ..pages import Listing, Page

__all__ = ["Users"]


class Users(Resource):
    """Members and former members of the team."""

    def list(
        self, *, include_deleted: bool = True, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]
    ) -> Listing[User]:
        """All of them ("Retrieve Users on a Project Team").

        Args:
            include_deleted: ``False`` leaves former members (``removed``) out here; the service gives them all the
                same.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        keep = None if include_deleted else lambda user: not user.removed
        return self._list(User, options, list_query(page_size, None), "users", keep=keep)

    async def page(self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]) -> Page[User]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(User, options, page_query(limit, skip, None), "users")

    async def get(self, user_uid: str, **options: Unpack[CallArguments]) -> User:
        """One user, a former member too ("Retrieve User on a Project Team")."""
        return await self._get(User, options, "users", user_uid)

    async def invite(
        self,
        email: str,
        *,
        role_uid: str | NotGiven = NOT_GIVEN,
        first_name: str | NotGiven = NOT_GIVEN,
        last_name: str | NotGiven = NOT_GIVEN,
        language: str | NotGiven = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> User:
        """Add a user to the team and send an email ("Invite User to Project Team"). Needs an admin of the project.

        Args:
            email: without an account, its owner is invited to PlanGrid.
            role_uid: a role of this project; whether it may be left out is not documented.
            first_name, last_name, language: later versions.
            **options: of this call.

        It is not repeated when the answer is lost: a second email could leave. List the users instead.
        """
        body = given(
            email=check_text(email, "email"),
            role_uid=role_uid if isinstance(role_uid, NotGiven) else check_uid(role_uid, "role_uid"),
        )
        names = given(first_name=first_name, last_name=last_name, language=language)
        body |= {name: check_text(value, name, at_least=0) for name, value in names.items()}
        return await self._post(User, options, body, "users", "invites")

    async def update(self, user_uid: str, *, role_uid: str, **options: Unpack[CallArguments]) -> User:
        """Give a member another role ("Update User on a Project Team"; no other field is known)."""
        return await self._patch(User, options, {"role_uid": check_uid(role_uid, "role_uid")}, "users", user_uid)

    async def remove(self, user_uid: str, **options: Unpack[CallArguments]) -> None:
        """Take a member off the team ("Remove User from Project Team"). Needs an admin of the project."""
        await self._delete(options, "users", user_uid)
