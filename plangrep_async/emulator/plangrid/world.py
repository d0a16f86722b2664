"""All state of the emulated service."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from urllib.parse import quote

from attrs import define

from ..storage.backend import StorageBackend
from .access import Access, Account
from .asset import ASSETS
from .links import Links
from .message import Request
from .oauth import Grants
from .packet import Packet
from .project import Project
from .role import ROLES
from .seeding import EPOCH, SeedPlan
from .settings import PlangridSettings
from .slot import Slot
from .trouble import Trouble
from .uid import UidSpace, dashed
from .user import User
from .version_upload import VersionUpload
from .windows import RateWindows

__all__ = ["Creation", "World"]

_NAMES = ("LA Natural History Museum", "3265 17th Street", "Harbour Bridge", "City Library", "Clinic, Phase 2")


@define(frozen=True)
class Creation:
    """A record that came into being through the API."""

    kind: str
    project_uid: str
    uid: str


class World:
    """The service's state and the few things that it is made with.

    Args:
        urls: of the emulator's origins by name, without a slash at the end; known when the first request comes.
        storage: where clients' forms go.
        clock: seconds since 1970 by the emulator's clock.
        violation: notes that a client broke a rule of the contract: kind, detail, request.
        real_server: whether ``storage`` is a server of its own.
        seed: of uids and tokens of what is created.
    """

    def __init__(
        self,
        settings: PlangridSettings,
        *,
        urls: Mapping[str, str],
        storage: StorageBackend,
        clock: Callable[[], float],
        violation: Callable[[str, str, Request], None],
        real_server: bool = False,
        seed: int = 0,
    ) -> None:
        self.settings = settings
        self._urls = urls
        self.storage = storage
        self.real_server = real_server
        # A real server still has what an earlier emulator put there under the same, repeatable uids.
        self.key_prefix = f"{secrets.token_hex(4)}/" if real_server else ""
        self._clock = clock
        self.violation = violation
        self._random = Random(f"plangrid:{seed}")
        self._created_uids = UidSpace(seed, "created")
        self._serial = 0
        self.organization_id = dashed(f"{self._random.getrandbits(128):032x}")
        self.projects: dict[str, Project] = {}
        self.access = Access()
        self.grants = Grants()
        self.slots: dict[str, Slot] = {}
        self.files: dict[str, tuple[str, str]] = {}
        self.version_uploads: dict[str, VersionUpload] = {}
        self.packets: dict[str, Packet] = {}
        self.creations: list[Creation] = []
        self.entries: Counter[tuple[str, int]] = Counter()
        self.trouble = Trouble(Random(f"trouble:{seed}"))
        self._accounts: dict[str, Account] = {}
        self._windows = RateWindows()
        self.account = self.account_for("operator@construction.example")
        self.access.keys[settings.api_key] = self.account

    @property
    def base_url(self) -> str:
        """Of the API."""
        return self._urls["plangrid"]

    @property
    def assets_url(self) -> str:
        """Where the emulator's storage origin serves the files of records."""
        return f"{self._urls['storage']}/{ASSETS}"

    def now(self) -> float:
        """Seconds since 1970 by the service's own clock, which may be wrong on purpose."""
        return self._clock() + self.settings.clock_skew

    @property
    def windows(self) -> RateWindows:
        """The rate limits in force; they start again when the settings change."""
        settings, windows = self.settings, self._windows
        wanted = (settings.limits, settings.window_mode, settings.window_phase)
        if (windows.limits, windows.mode, windows.phase) != wanted:
            windows = self._windows = RateWindows(*wanted)
        return windows

    def reset_windows(self) -> None:
        """Forget what was counted."""
        self._windows = RateWindows()

    def links(self, project_uid: str) -> Links:
        return Links(self.base_url, quote(project_uid, safe=""))

    def new_uid(self) -> str:
        """A uid that nothing has yet; the same ones in the same order for the same seed."""
        self._serial += 1
        return self._created_uids.uid(self._serial)

    def new_token(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._random.getrandbits(128):032x}"

    def account_for(self, email: str) -> Account:
        """The account of an address; made when there is none."""
        account = self._accounts.get(email.lower())
        if account is None:
            account = self._accounts[email.lower()] = Account(self.new_uid(), email)
        return account

    def note_created(self, kind: str, project_uid: str, uid: str) -> None:
        """Remember that a record was created through the API."""
        self.creations.append(Creation(kind, project_uid, uid))

    def create_project(self, name: str, owner: Account) -> Project:
        """An empty project whose only member is its owner, an admin (page "Create Project")."""
        nothing = SeedPlan(
            users=0, issues=0, rfis=0, photos=0, attachments=0, sheets=0, snapshots=0, comments=0, issue_lists=0,
            field_reports=0, version_sets=0, deleted=0,
        )  # fmt: skip
        uid = self.new_uid()
        project = Project(uid, name, self.now(), plan=nothing, seed=0, people=UidSpace(0, uid))
        self.projects[uid] = project
        self.join(project, owner, ROLES[0].uid)
        return project

    def seed(self, plan: SeedPlan, projects: int, seed: int, *, member: bool = True) -> list[Project]:
        """Add projects full of records. ``member``: whether the default key's account is on their teams."""
        people = UidSpace(seed, "people", "object id" if "object_id_users" in self.settings.oddities else "uuid")
        space = UidSpace(seed, "project")
        first = sum(1 for uid in self.projects if space.index(uid) is not None)
        made: list[Project] = []
        for index in range(first, first + projects):
            name = _NAMES[index % len(_NAMES)] + ("" if index < len(_NAMES) else f" {index + 1}")
            project = Project(space.uid(index), name, EPOCH + index * 60, plan=plan, seed=seed, people=people)
            self.projects[project.uid] = project
            if member:
                self.join(project, self.account, ROLES[0].uid)
            made.append(project)
        return made

    def join(self, project: Project, account: Account, role_uid: str) -> User:
        """Put an account on a team."""
        return project.users.add(User(account.uid, account.email, role_uid, account.first_name, account.last_name))
