"""OAuth 2.0: consent, codes and tokens (later versions; paths as clients use them, errors after RFC 6749)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from attrs import define, field, frozen

from .access import Account, Token
from .message import Reply
from .router import Route

if TYPE_CHECKING:
    from .visit import Visit
    from .world import World

__all__ = ["ROUTES", "Grant", "Grants", "issue_tokens"]

_CODE_SECONDS = 600.0


@frozen
class Grant:
    """What a code or a refresh token stands for."""

    account: Account
    scopes: frozenset[str]
    redirect_uri: str = ""
    expires: float = float("inf")


@define
class Grants:
    """Codes and refresh tokens that were not used up."""

    codes: dict[str, Grant] = field(factory=dict, repr=False)
    refresh_tokens: dict[str, Grant] = field(factory=dict, repr=False)


def issue_tokens(world: World, account: Account, scopes: frozenset[str], *, refresh: bool = True) -> dict[str, Any]:
    """A new access token, with a refresh token, as the token endpoint answers."""
    access = world.new_token()
    lifetime = world.settings.token_seconds
    world.access.tokens[access] = Token(account, world.now() + lifetime, scopes)
    answer: dict[str, Any] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": int(lifetime),
        "scope": " ".join(sorted(scopes)),
    }
    if refresh:
        answer["refresh_token"] = world.new_token()
        world.grants.refresh_tokens[answer["refresh_token"]] = Grant(account, scopes)
    return answer


def _authorize(visit: Visit) -> Reply:
    """The user's consent, which is always given, by the account of the emulator's own key."""
    query, world = visit.query, visit.world
    redirect, settings = query.get("redirect_uri", ""), world.settings
    if query.get("client_id") != settings.oauth_client[0]:
        return _error(400, "unauthorized_client")
    if not redirect or (settings.oauth_redirects and redirect not in settings.oauth_redirects):
        return _error(400, "invalid_request", "redirect_uri is not registered.")
    scopes = frozenset(query.get("scope", "write:projects").split())
    state = {"state": query["state"]} if "state" in query else {}
    kind = query.get("response_type")
    if kind == "code":
        code = world.new_token()
        world.grants.codes[code] = Grant(world.account, scopes, redirect, visit.now + _CODE_SECONDS)
        return _redirect(redirect, "?", {"code": code, **state})
    if kind == "token":
        return _redirect(redirect, "#", {**issue_tokens(world, world.account, scopes, refresh=False), **state})
    return _redirect(redirect, "?", {"error": "unsupported_response_type", **state})


def _token(visit: Visit) -> Reply:
    request, world = visit.request, visit.world
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _error(400, "invalid_request", "The body must be application/x-www-form-urlencoded.")
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    client, secret = world.settings.oauth_client
    kind = form.get("grant_type")
    # One client sends its id and secret along when it refreshes, another does not.
    known = form.get("client_id") == client and form.get("client_secret") == secret
    if not known and not (kind == "refresh_token" and "client_id" not in form):
        return _error(401, "invalid_client")
    if kind == "authorization_code":
        grant = world.grants.codes.pop(form.get("code", ""), None)
        if grant is None or visit.now >= grant.expires or form.get("redirect_uri") != grant.redirect_uri:
            return _error(400, "invalid_grant")
    elif kind == "refresh_token":
        token = form.get("refresh_token", "")
        grant = world.grants.refresh_tokens.get(token)
        if grant is None:
            return _error(400, "invalid_grant")
        if not world.settings.rotate_refresh_tokens:
            answer = issue_tokens(world, grant.account, grant.scopes, refresh=False)
            return Reply(200, {**answer, "refresh_token": token})
        del world.grants.refresh_tokens[token]
    else:
        return _error(400, "unsupported_grant_type")
    return Reply(200, issue_tokens(world, grant.account, grant.scopes), (("cache-control", "no-store"),))


def _redirect(uri: str, mark: str, values: dict[str, Any]) -> Reply:
    if mark == "?" and "?" in uri:
        mark = "&"
    return Reply(302, headers=(("location", f"{uri}{mark}{urlencode(values)}"),))


def _error(status: int, code: str, description: str = "") -> Reply:
    return Reply(status, {"error": code, **({"error_description": description} if description else {})})


ROUTES = (
    Route("GET", "/oauth/authorize", _authorize, "OAuth 2.0: Authorization Code Grant", public=True),
    Route("POST", "/oauth/token", _token, "OAuth 2.0: Authorization Code Grant", public=True),
)
