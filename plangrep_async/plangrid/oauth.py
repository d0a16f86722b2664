"""OAuth 2.0: an access token in place of an API key (later versions; see :class:`~plangrep_async.plangrid.Unverified`).

::

    app = OAuthApp(client_id, client_secret, redirect_uri)
    webbrowser.open(app.authorization_url(state=state))    # compare `state` when the browser comes back with a code
    token = await app.exchange_code(code)
    async with PlanGridClient(access_token=token.access_token, refresh=app.refresher(token, on_token=save)) as client:
        ...
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote, urlencode

import httpx
from attrs import field, frozen

from ..errors import InvalidInputError
from ..session import Answer, Call, Secret, Session
from ._codec import record_of
from ._rules import check_text
from .models import Record
from .settings import DEFAULT_BASE_URL
from .unverified import Unverified

__all__ = ["OAuthApp", "OAuthToken"]

_FORM = "application/x-www-form-urlencoded"


def _hidden(value: str | None) -> str:
    return "None" if value is None else "'[redacted]'"


@frozen
class OAuthToken(Record):
    """What the service gives for a code or a refresh token. Neither token is in the repr.

    Attributes:
        access_token: for ``PlanGridClient(access_token=…)``.
        refresh_token: for a new one when it has run out; may change with each renewal.
        expires_in: seconds from now.
        token_type: ``"bearer"``.
        scope: what it allows.
    """

    access_token: str = field(repr=_hidden)
    refresh_token: str | None = field(default=None, repr=_hidden)
    expires_in: int | None = None
    token_type: str | None = None
    scope: str | None = None


@frozen
class OAuthApp:
    """An application that PlanGrid has registered.

    Attributes:
        client_id, client_secret: of the application.
        redirect_uri: where browsers come back to, as registered.
        base_url: the service; the secret and the codes go there and nowhere else.
        unverified: the two paths.
        transport: any ``httpx.AsyncBaseTransport``, for tests.
        allow_insecure: permits a plain ``http://`` base URL that is not loopback.
    """

    client_id: str
    client_secret: Secret = field(converter=Secret)
    redirect_uri: str
    base_url: str = DEFAULT_BASE_URL
    unverified: Unverified = field(factory=Unverified, kw_only=True)
    transport: httpx.AsyncBaseTransport | None = field(default=None, kw_only=True, repr=False)
    allow_insecure: bool = field(default=False, kw_only=True)

    def authorization_url(
        self, state: str, *, scopes: Sequence[str] = ("write:projects",), response_type: str = "code"
    ) -> str:
        """Where to send a browser.

        Args:
            state: a secret that cannot be guessed; the browser must come back with the same one.
            scopes: ``write:projects`` for project data, ``read:profile`` for ``client.me()``.
            response_type: ``"code"``, or ``"token"`` for the implicit grant.

        Raises:
            InvalidInputError: ``state`` is empty, or ``scopes`` is no list.
        """
        if isinstance(scopes, str):
            raise InvalidInputError(f"scopes: {scopes!r} is a string; give a list of scopes")
        query = {
            "response_type": response_type,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": check_text(state, "state"),
            "scope": " ".join(scopes),
        }
        return f"{self.base_url.rstrip('/')}{self.unverified.authorize_path}?{urlencode(query, quote_via=quote)}"

    async def exchange_code(self, code: str) -> OAuthToken:
        """The tokens for the code that the browser came back with. A code works once, so this is sent once.

        Raises:
            APIStatusError: the code or the secret is refused.
        """
        return await self._ask(grant_type="authorization_code", code=check_text(code, "code"))

    async def refresh(self, refresh_token: str) -> OAuthToken:
        """New tokens for a refresh token. Sent once: the service may take each refresh token once only.

        Raises:
            APIStatusError: the refresh token or the secret is refused; the user must authorize anew.
        """
        return await self._ask(grant_type="refresh_token", refresh_token=check_text(refresh_token, "refresh_token"))

    def refresher(
        self, token: OAuthToken, *, on_token: Callable[[OAuthToken], Awaitable[None] | None] | None = None
    ) -> Callable[[], Awaitable[str]]:
        """A ``refresh=`` for the client: called after a 401, it gets new tokens and gives the access token.

        Args:
            token: as of now.
            on_token: told of each new token, to be saved; awaited if it is a coroutine function.
        """
        current = token

        async def refresh() -> str:
            nonlocal current
            renewed = await self.refresh(current.refresh_token or "")
            # Whether refresh tokens change is not known: one that is not replaced is kept.
            current = renewed if renewed.refresh_token else _with_refresh_token(renewed, current.refresh_token)
            if on_token is not None:
                told = on_token(current)
                if inspect.isawaitable(told):
                    await told
            return current.access_token

        return refresh

    async def _ask(self, **parameters: str) -> OAuthToken:
        form = {
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            "redirect_uri": self.redirect_uri,
            **parameters,
        }
        call: Call[OAuthToken] = Call(
            "POST",
            self.unverified.token_path,
            _token,
            body=lambda: urlencode(form).encode(),
            content_type=_FORM,
            headers=(("Accept", "application/json"),),
            authenticated=False,
            coalescable=False,
        )
        session = Session(base_url=self.base_url, transport=self.transport, allow_insecure=self.allow_insecure)
        async with session:
            return await session.send(call)


def _token(answer: Answer) -> OAuthToken:
    return record_of(OAuthToken)(answer)


def _with_refresh_token(token: OAuthToken, refresh_token: str | None) -> OAuthToken:
    return OAuthToken.from_dict({**token.to_dict(), "refresh_token": refresh_token})
