"""Conventions that no page of the documentation confirms, in one place and open to correction.

They come from clients that talked to the real API (the official .NET client, a Workato connector, OAuth samples), or
from the pattern of the documented endpoints. Pass your own to ``PlanGridClient(unverified=…)`` where they turn out to
be different.
"""

from __future__ import annotations

from attrs import frozen

__all__ = ["Unverified"]


@frozen
class Unverified:
    """What is assumed.

    Attributes:
        authorize_path: where a browser is sent for OAuth (Workato connector, samples).
        token_path: where codes and refresh tokens are exchanged (the same).
        profile_path: the account behind the credentials (.NET client).
        version_file_by_post: complete a version's file by POST, as the .NET client declares, and not by GET, as the
            pages on uploads say for every upload. When GET is refused with 405, POST is tried in any case.
        version_completion: the last part of the path that completes a version upload whose ``complete_url`` is missing
            (.NET client, Workato connector).
    """

    authorize_path: str = "/oauth/authorize"
    token_path: str = "/oauth/token"  # noqa: S105 - a path
    profile_path: str = "/me"
    version_file_by_post: bool = False
    version_completion: str = "completions"
