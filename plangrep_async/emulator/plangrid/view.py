"""What tests and tools may see and do behind the service's back."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import httpx
from attrs import evolve, frozen

from ..content import Blob, Content
from .oauth import issue_tokens
from .role import ROLES
from .seeding import SeedPlan
from .service import PlangridService
from .settings import ADMIN, PlangridSettings
from .trouble import BatchTampering
from .version_upload import publish
from .world import Creation

__all__ = ["PlangridView", "StoredFile", "VersionState"]

T = TypeVar("T")

_FETCH_SECONDS = 60.0


@frozen
class StoredFile:
    """The bytes that a client uploaded for a record."""

    uid: str
    bucket: str
    key: str
    size: int
    sha256: str
    content: Content


@frozen
class VersionState:
    """A version upload as the service sees it. ``files``: name (``None`` while it is missing) by file request uid."""

    uid: str
    project_uid: str
    name: str
    status: str
    published: bool
    files: dict[str, str | None]


class PlangridView:
    """The admin's side of the PlanGrid emulator; every method may be called from any thread.

    Args:
        run: calls a function on the emulator's own thread and waits for what it returns.
    """

    def __init__(self, service: PlangridService, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._service = service
        self._run_any = run

    def _run(self, function: Callable[[], T]) -> T:
        result: T = self._run_any(function)
        return result

    @property
    def settings(self) -> PlangridSettings:
        """The settings in force; assign to its attributes to change them."""
        return self._service.settings

    # -- data

    def seed(self, projects: int = 1, *, seed: int = 0, member: bool = True, **counts: Any) -> list[str]:
        """Add projects with records; the uids of the projects.

        Args:
            seed: equal seeds give equal records. A second call with the same seed adds further projects.
            member: whether the account of ``emulator.api_key`` is an admin of them; else their answers are 403.
            counts: records of each project, as in :class:`~.seeding.SeedPlan`: ``users``, ``issues``, ``rfis``,
                ``photos``, ``attachments``, ``sheets``, ``snapshots``, ``comments``, ``annotations``,
                ``issue_lists``, ``field_reports``, ``version_sets``, and the share of ``deleted`` ones.
        """
        plan = SeedPlan(**counts)
        return self._run(lambda: [p.uid for p in self._service.world.seed(plan, projects, seed, member=member)])

    @property
    def projects(self) -> list[str]:
        """The uids of all projects."""
        return self._run(lambda: list(self._service.world.projects))

    def records(self, collection: str, project_uid: str, *, created: bool = False) -> list[Any]:
        """The records of a project: ``"issues"``, ``"attachments"``, ``"users"``, ...; with ``created`` only those
        that came through the API (or were published), in that order."""

        def get() -> list[Any]:
            table = self._service.world.projects[project_uid].tables[collection]
            return list(table.created) if created else list(table)

        return self._run(get)

    def edit(self, collection: str, project_uid: str, uid: str, **changes: Any) -> Any:
        """Change attributes of a record, as another user in the app might; sets ``updated_at`` where there is one."""

        def change() -> Any:
            world = self._service.world
            table = world.projects[project_uid].tables[collection]
            record = table.get(uid)
            if record is None:
                raise KeyError(uid)
            if hasattr(record, "updated_at") and not isinstance(getattr(type(record), "updated_at", None), property):
                changes.setdefault("updated_at", world.now())
            return table.put(evolve(record, **changes))

        return self._run(change)

    def created(self, kind: str | None = None) -> list[Creation]:
        """What came into being through the API, in order, each as often as it happened: ``"attachment"``, ``"photo"``,
        ``"sheet file"``, ``"version upload"``, ``"sheet"``, ``"packet"``, ``"project"``, ``"issue"``, ``"issue list"``,
        ``"rfi"``, ``"user"``."""
        return self._run(lambda: [c for c in self._service.world.creations if kind is None or c.kind == kind])

    def stored(self, uid: str) -> StoredFile:
        """The bytes behind an attachment, a photo or a file request of a version.

        Raises:
            KeyError: nothing was uploaded for it.
        """
        world = self._service.world
        uid = self._run(lambda: _file_uid(self._service, uid))
        bucket, key = world.files[uid]
        content = self._run(lambda: self._service.content(uid))
        if content is None:
            content = self._fetch(bucket, key)
        return StoredFile(uid, bucket, key, content.size, content.sha256 or "", content)

    def _fetch(self, bucket: str, key: str) -> Content:
        signed = self._service.world.storage.sign_get(bucket, key, lifetime=_FETCH_SECONDS)
        answer = httpx.get(signed.url, headers=dict(signed.headers), timeout=_FETCH_SECONDS)
        answer.raise_for_status()
        data = answer.content
        return Content.of(Blob(len(data), hashlib.sha256(data).hexdigest(), None, data))

    # -- people and credentials

    def add_key(
        self, key: str, *, email: str = "guest@subcontractor.example", role: str = ADMIN, projects: Iterable[str] = ()
    ) -> str:
        """Make a further API key for the account of ``email``, and put the account on the teams of ``projects``."""

        def add() -> str:
            world = self._service.world
            account = world.access.keys[key] = world.account_for(email)
            role_uid = next(item.uid for item in ROLES if item.label == role)
            for uid in projects:
                project = world.projects[uid]
                present = project.users.get(account.uid)
                if present is None:
                    world.join(project, account, role_uid)
                else:
                    project.users.put(evolve(present, role_uid=role_uid, removed=False))
            return key

        return self._run(add)

    def deactivate_key(self, key: str) -> None:
        """Answer 403 to a key from now on."""
        self._run(lambda: self._service.world.access.deactivated.add(key))

    def issue_token(self, *, scopes: Sequence[str] = ("write:projects", "read:profile")) -> dict[str, Any]:
        """An access and a refresh token for the account of ``emulator.api_key``, as ``/oauth/token`` answers."""

        def issue() -> dict[str, Any]:
            world = self._service.world
            return issue_tokens(world, world.account, frozenset(scopes))

        return self._run(issue)

    def expire_tokens(self) -> None:
        """Make every access token that exists invalid; refresh tokens stay good."""

        def expire() -> None:
            access = self._service.world.access
            access.tokens = {text: evolve(token, expires=0.0) for text, token in access.tokens.items()}

        self._run(expire)

    # -- uploads

    def expire_slots(self) -> int:
        """Let every open upload token run out; how many there were. Their forms stay good for S3: advance the clock by
        ``settings.slot_seconds`` to let those run out, too."""

        def expire() -> int:
            world = self._service.world
            slots = {id(slot): slot for slot in world.slots.values() if slot.completed_by is None}
            for slot in slots.values():
                slot.expires = world.now()
            return len(slots)

        return self._run(expire)

    def version_uploads(self) -> list[VersionState]:
        """All version uploads, oldest first."""

        def get() -> list[VersionState]:
            return [
                VersionState(
                    upload.uid,
                    upload.project_uid,
                    upload.version_name,
                    upload.status,
                    upload.published,
                    {item.uid: item.file_name if item.stored else None for item in upload.files},
                )
                for upload in self._service.world.version_uploads.values()
            ]

        return self._run(get)

    def publish(self, version_upload_uid: str) -> list[str]:
        """Publish a complete version, as an administrator does in the Publish Log: its pages become sheets.

        Returns:
            The uids of the sheets. A file that is no readable PDF becomes one sheet.

        Raises:
            KeyError: there is no such version upload.
            ValueError: it is not complete, or was published before.
        """
        world = self._service.world
        upload = world.version_uploads[version_upload_uid]
        if upload.status != "complete" or upload.published:
            raise ValueError(f"version upload {version_upload_uid} is {upload.status}, published: {upload.published}")
        pages = [_pages(self.stored(item.uid).content) for item in upload.files]
        project = world.projects[upload.project_uid]
        return self._run(lambda: [sheet.uid for sheet in publish(world, project, upload, pages)])

    # -- faults that only PlanGrid has

    def fail_completions(self, times: int = 1, *, share: float = 0.0) -> None:
        """Let the next ``times`` completions answer 500 with a URL to try again, and a share of all others."""

        def fail() -> None:
            self._service.world.trouble.completions = times
            self._service.world.trouble.completion_share = share

        self._run(fail)

    def tamper_batches(self, *changes: BatchTampering) -> None:
        """Spoil the answers of the next batches: ``"drop"`` or ``"add"`` an entry, ``"swap"`` two, ``"not a list"``."""
        self._run(lambda: self._service.world.trouble.batches.extend(changes))

    # -- counters

    @property
    def entries(self) -> Counter[tuple[str, int]]:
        """Entries of batches by route (``"GET /projects/{project_uid}"``) and status."""
        return self._run(lambda: Counter(self._service.world.entries))

    def entry_count(self, route: str | None = None, *, status: int | None = None) -> int:
        """How many entries of batches were answered, of a route, with a status."""
        return sum(
            number
            for (name, of_status), number in self.entries.items()
            if route in (None, name) and status in (None, of_status)
        )

    def rate_limits(self, key: str | None = None) -> list[dict[str, Any]]:
        """The Rate Limit objects of a key, without counting a request."""

        def get() -> list[dict[str, Any]]:
            world = self._service.world
            return world.windows.snapshot(f"key {key or world.settings.api_key}", world.now())

        return self._run(get)

    def reset_rate_limits(self) -> None:
        """Begin all windows anew."""
        self._run(self._service.world.reset_windows)


def _file_uid(service: PlangridService, uid: str) -> str:
    world = service.world
    if uid in world.files:
        return uid
    for upload in world.version_uploads.values():
        request = upload.file(uid)
        if request is not None and request.stored is not None:
            return request.stored
    raise KeyError(uid)


def _pages(content: Content) -> int:
    if not content.kept:
        return 1
    # Imported here: it takes half a second, and few need it.
    from pypdf import PdfReader

    try:
        with content.open() as file:
            return len(PdfReader(file).pages) or 1
    except Exception:  # noqa: BLE001 - pypdf raises almost anything on damaged files
        return 1
