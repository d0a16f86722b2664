from __future__ import annotations

import httpx
import pytest

from plangrep_async.emulator import Emulator, EmulatorClock
from plangrep_async.emulator.plangrid import COLLABORATOR, Oddities


@pytest.fixture
def roles(project: str, api: httpx.Client) -> dict[str, str]:
    return {role["label"]: role["uid"] for role in api.get(f"/projects/{project}/roles").json()["data"]}


def test_inviting_changing_and_removing(
    emulator: Emulator, project: str, api: httpx.Client, roles: dict[str, str]
) -> None:
    base = f"/projects/{project}/users"
    body = {"email": "New@Firm.example", "role_uid": roles["Power Collaborator"], "first_name": "N"}
    answer = api.post(f"{base}/invites", json=body)
    user = answer.json()
    assert answer.status_code == 201
    assert (user["email"], user["removed"], user["first_name"]) == ("New@Firm.example", False, "N")
    assert api.get(user["role"]["url"]).json()["label"] == "Power Collaborator"
    path = f"{base}/{user['uid']}"
    assert api.patch(path, json={"role_uid": roles["Admin"]}).json()["role"]["uid"] == roles["Admin"]
    assert [api.delete(path).status_code for _ in range(2)] == [204, 204]
    assert api.get(path).json()["removed"] is True
    again = api.post(f"{base}/invites", json={"email": "new@firm.example"}).json()
    assert (again["uid"], again["removed"], again["role"]["uid"]) == (user["uid"], False, roles["Collaborator"])


def test_an_address_is_one_account_on_all_projects(emulator: Emulator, project: str, api: httpx.Client) -> None:
    [other] = emulator.plangrid.seed(seed=9)
    uids = {
        api.post(f"/projects/{p}/users/invites", json={"email": "a@b.example"}).json()["uid"] for p in (project, other)
    }
    assert len(uids) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"email": None},
        {"email": ""},
        {"email": "nobody"},
        {"email": "a@b.example", "role_uid": "none"},
        {"role_uid": 1},
    ],
)
def test_bad_invitations(project: str, api: httpx.Client, body: dict[str, object]) -> None:
    assert api.post(f"/projects/{project}/users/invites", json=body).status_code == 400


def test_only_admins_may(emulator: Emulator, project: str, connect: object, api: httpx.Client) -> None:
    emulator.plangrid.add_key("helper", role=COLLABORATOR, projects=[project])
    helper = connect("helper")
    uid = helper.get("/me").json()["uid"]
    assert helper.post(f"/projects/{project}/users/invites", json={"email": "a@b.example"}).status_code == 403
    assert helper.patch(f"/projects/{project}/users/{uid}", json={"first_name": "A"}).status_code == 403
    assert helper.delete(f"/projects/{project}/users/{uid}").status_code == 403
    assert helper.get(f"/projects/{project}/users/{uid}").status_code == 200


def test_a_removed_member_is_locked_out_of_the_project(
    emulator: Emulator, project: str, connect: object, api: httpx.Client
) -> None:
    emulator.plangrid.add_key("helper", projects=[project])
    helper = connect("helper")
    uid = helper.get("/me").json()["uid"]
    assert helper.get("/projects").json()["total_count"] == 1
    api.delete(f"/projects/{project}/users/{uid}")
    assert helper.get(f"/projects/{project}").status_code == 403
    assert helper.get("/projects").json()["total_count"] == 0
    emulator.plangrid.add_key("helper", projects=[project])
    assert helper.get(f"/projects/{project}").status_code == 200


def test_users_may_have_24_digits(emulator: Emulator, api: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(["object_id_users"])
    [project] = emulator.plangrid.seed(seed=3)
    users = api.get(f"/projects/{project}/users").json()["data"]
    assert {len(user["uid"]) for user in users} == {24, 36}
    for user in users:
        assert api.get(f"/projects/{project}/users/{user['uid']}").json() == user


class TestTokens:
    @pytest.fixture
    def emulator(self) -> object:
        with Emulator(clock=EmulatorClock(speed=0, epoch=1_700_000_000)) as running:
            yield running

    def authorize(self, emulator: Emulator, bare: httpx.Client, **changes: str) -> httpx.Response:
        params = {
            "response_type": "code",
            "client_id": emulator.plangrid.settings.oauth_client[0],
            "redirect_uri": "http://127.0.0.1:9/back",
            "state": "s&1",
            "scope": "write:projects read:profile",
        }
        return bare.get(f"{emulator.plangrid_url}/oauth/authorize", params={**params, **changes})

    def token(self, emulator: Emulator, bare: httpx.Client, **form: str) -> httpx.Response:
        client, secret = emulator.plangrid.settings.oauth_client
        data = {"client_id": client, "client_secret": secret, **form}
        return bare.post(f"{emulator.plangrid_url}/oauth/token", data=data)

    def test_code_token_and_refresh(
        self, emulator: Emulator, project: str, bare: httpx.Client, connect: object
    ) -> None:
        back = httpx.URL(self.authorize(emulator, bare).headers["location"])
        assert back.params["state"] == "s&1"
        exchange = {
            "grant_type": "authorization_code",
            "code": back.params["code"],
            "redirect_uri": "http://127.0.0.1:9/back",
        }
        first = self.token(emulator, bare, **exchange).json()
        assert self.token(emulator, bare, **exchange).json() == {"error": "invalid_grant"}
        assert (first["token_type"], first["expires_in"]) == ("Bearer", 3600)
        client = connect(None, Authorization=f"Bearer {first['access_token']}")
        assert client.get(f"/projects/{project}").status_code == 200
        assert client.get("/me").json()["email"] == "operator@construction.example"
        batch = client.post("/batch", json=[{"method": "GET", "path": "/me"}])
        assert batch.json()["data"][0]["status_code"] == 200
        emulator.clock.advance(3600)
        expired = client.get("/projects")
        assert expired.status_code == 401
        assert expired.headers["www-authenticate"].startswith("Bearer")
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = bare.post(f"{emulator.plangrid_url}/oauth/token", data=refresh).json()
        assert connect(None, Authorization=f"bearer {second['access_token']}").get("/projects").status_code == 200
        assert self.token(emulator, bare, **refresh).status_code == 400

    def test_refresh_tokens_need_not_rotate(self, emulator: Emulator, bare: httpx.Client) -> None:
        emulator.plangrid.settings.rotate_refresh_tokens = False
        token = emulator.plangrid.issue_token()["refresh_token"]
        for _ in range(2):
            answer = self.token(emulator, bare, grant_type="refresh_token", refresh_token=token)
            assert answer.json()["refresh_token"] == token

    def test_the_implicit_grant(self, emulator: Emulator, bare: httpx.Client, connect: object) -> None:
        location = self.authorize(emulator, bare, response_type="token", scope="write:projects").headers["location"]
        values = httpx.QueryParams(httpx.URL(location).fragment)
        client = connect(None, Authorization=f"Bearer {values['access_token']}")
        assert client.get("/projects").status_code == 200
        assert client.get("/me").status_code == 403
        assert "refresh_token" not in values

    def test_refusals(self, emulator: Emulator, bare: httpx.Client, connect: object) -> None:
        assert self.authorize(emulator, bare, client_id="x").status_code == 400
        emulator.plangrid.settings.oauth_redirects = ("https://registered.example/",)
        assert self.authorize(emulator, bare).status_code == 400
        assert self.token(emulator, bare, client_secret="x", grant_type="refresh_token").status_code == 401
        assert self.token(emulator, bare, grant_type="password").json() == {"error": "unsupported_grant_type"}
        assert bare.post(f"{emulator.plangrid_url}/oauth/token", json={}).status_code == 400
        assert connect(None, Authorization="Bearer nonsense").get("/projects").status_code == 401
        token = emulator.plangrid.issue_token()["access_token"]
        emulator.plangrid.expire_tokens()
        assert connect(None, Authorization=f"Bearer {token}").get("/projects").status_code == 401
