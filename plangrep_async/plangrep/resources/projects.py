"""``client.projects``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Unpack

from ...errors import APIConnectionError, APIStatusError, PlangrepAsyncError, ServerError
from ...session.call import Call, CallKeywords
from .._context import Context, WireKeywords, api_path
from ..limits import check_range, check_text
from ..models.page import Page
from ..models.project import Project, ProjectCreated, ProjectOverview
from ..models.search import ProjectMatch
from ..paging import Pages, page_reader
from .filters import filters_json, split_keywords
from .polling import check_waiting, poll
from .sources import SEARCH_FILTERS, SearchFilters

__all__ = ["ProjectSearchFilters", "Projects"]

_CREATE_ATTEMPTS = 3
_CLOCK_DIFFERENCE = timedelta(minutes=5)


class ProjectSearchFilters(SearchFilters, total=False):
    """What a search over projects can be narrowed by ("Search projects"): to some projects, and as in one of them."""

    project_ids: Sequence[str] | None


class Projects:
    """Projects: the containers of jobs. Every method raises the errors of :mod:`plangrep_async.errors`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, name: str, **keywords: Unpack[CallKeywords]) -> ProjectCreated:
        """Create a project; credits may be charged. It is ready for jobs after a minute or two.

        No idempotency key is documented for this route, but a name is unique in its organization ("Create a
        project"). When an answer is lost, the projects are listed: one of this name that is not older than the call is
        the one that was made (its ``billing`` is then ``None``); without one, it is created again.

        Args:
            name: at most 180 characters.

        Raises:
            InvalidInputError: the name is empty or too long.

        Cancelled: whether the project was made is unknown; :meth:`find` tells.
        """
        check_text(name, "name", longest=180)
        call = Call("POST", api_path("projects"), self._context.codec.reader(ProjectCreated), json={"name": name})
        began = datetime.fromtimestamp(self._context.clock.time(), UTC) - _CLOCK_DIFFERENCE
        rest = self._context.countdown(keywords)
        doubtful = False
        for attempt in range(1, _CREATE_ATTEMPTS + 1):
            try:
                return await self._context.send(call, rest())
            except (APIConnectionError, APIStatusError) as error:
                doubtful = doubtful or isinstance(error, APIConnectionError | ServerError)
                if not doubtful:
                    raise
                found = await self._find_again(name, error, rest())
                if found is not None and found.created_at is not None and found.created_at >= began:
                    return ProjectCreated(project=found)
                if found is not None or attempt == _CREATE_ATTEMPTS:
                    raise
        raise AssertionError("the loop returns or raises")

    async def _find_again(self, name: str, failure: PlangrepAsyncError, keywords: CallKeywords) -> Project | None:
        try:
            return await self.find(name, **keywords)
        except PlangrepAsyncError:
            raise failure from None

    async def list(self, **keywords: Unpack[CallKeywords]) -> tuple[Project, ...]:
        """All projects of the key's organization; the route has no pages ("List projects")."""
        call = Call("GET", api_path("projects"), self._context.codec.list_reader(Project, "projects"))
        return await self._context.send(call, keywords)

    async def find(self, name: str, **keywords: Unpack[CallKeywords]) -> Project | None:
        """The project of exactly this name, or ``None``. Reads the whole list."""
        return next((project for project in await self.list(**keywords) if project.name == name), None)

    async def get(self, project_id: str, **keywords: Unpack[CallKeywords]) -> Project:
        """One project ("Get a project")."""
        call = Call("GET", api_path("projects", project_id), self._context.codec.reader(Project, "project"))
        return await self._context.send(call, keywords)

    async def summary(self, project_id: str, **keywords: Unpack[CallKeywords]) -> ProjectOverview:
        """A project with what the service found out about it ("Get project summary")."""
        path = api_path("projects", project_id, "summary")
        return await self._context.send(Call("GET", path, self._context.codec.reader(ProjectOverview)), keywords)

    async def wait_until_ready(
        self,
        project_id: str,
        *,
        interval: float = 10.0,
        deadline: float | None = 300.0,
        on_update: Callable[[Project], None] | None = None,
        **keywords: Unpack[WireKeywords],
    ) -> Project:
        """Wait until jobs can be created: its status is ``ready`` and its runtime is not being upgraded.

        The documentation asks for a reading every 10 s, and to give up after 5 minutes ("Submit a job").

        Args:
            interval: seconds between two readings.
            deadline: seconds for all; ``None`` for no end.
            on_update: called with each reading.

        Raises:
            WaitTimeoutError: not ready in time; ``last_status`` and ``last`` show the last reading.

        Cancelled: nothing is left behind.
        """
        check_waiting(interval, deadline)
        return await poll(
            lambda options: self.get(project_id, **options),
            lambda project: project.is_ready,
            lambda project: f"{project.status} (being upgraded)" if project.is_upgrading else str(project.status),
            what=f"project {project_id}",
            advice="provisioning has probably failed; look at the project in the web app, or create another",
            clock=self._context.clock,
            interval=interval,
            deadline=deadline,
            keywords=keywords,
            on_update=on_update,
        )

    def search(
        self, query: str, *, page_size: int | None = None, **filters: Unpack[ProjectSearchFilters]
    ) -> Pages[ProjectMatch]:
        """All projects that match by name or by content, best first ("Search projects").

        Args:
            query: what to look for.
            page_size: 1 to 100; the service's own default is 25.
        """
        check_text(query, "query")
        check_range(page_size, "page_size", 1, 100)
        return Pages(lambda cursor: self.search_page(query, limit=page_size, cursor=cursor, **filters))

    async def search_page(
        self,
        query: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        **filters: Unpack[ProjectSearchFilters],
    ) -> Page[ProjectMatch]:
        """One page of :meth:`search`.

        Raises:
            InvalidInputError: an empty query, a limit outside 1 to 100, or a filter that cannot be.
        """
        values, keywords = split_keywords(filters, SEARCH_FILTERS | {"project_ids"})
        body = {
            **filters_json(values),
            "query": check_text(query, "query"),
            "limit": check_range(limit, "limit", 1, 100),
            "cursor": cursor,
        }
        call = Call(
            "POST",
            api_path("projects", "search"),
            page_reader(self._context.codec, ProjectMatch, "lists.project_matches"),
            json={name: value for name, value in body.items() if value is not None},
            repeatable=True,
            kinds=frozenset({"all"}),
        )
        return await self._context.send(call, keywords)
