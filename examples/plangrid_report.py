"""A report on a PlanGrid project: its issues by status, what they cost, what is overdue and who has most to do.

python examples/plangrid_report.py PROJECT_UID        with PLANGRID_API_KEY in the environment
python examples/plangrid_report.py --emulator         a project of 3,000 issues on this machine, without an account
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal

from plangrep_async.plangrid import Issue, IssueStatus, PlanGridClient, ProjectScope, User, UserReference


async def main() -> None:
    parser = argparse.ArgumentParser(description="Report on a PlanGrid project.")
    parser.add_argument("project", nargs="?", help="the project's uid; by default the first one")
    parser.add_argument("--emulator", action="store_true", help="against an emulator that is started for it")
    parser.add_argument("--issues", type=int, default=3_000, help="how many issues the emulator has (default: 3000)")
    arguments = parser.parse_args()

    async with AsyncExitStack() as stack:
        if arguments.emulator:
            from plangrep_async.emulator import Emulator

            emulator = await stack.enter_async_context(Emulator())
            await asyncio.to_thread(emulator.plangrid.seed, 1, issues=arguments.issues, users=25)
            client = PlanGridClient(emulator.api_key, base_url=emulator.plangrid_url)
        else:
            client = PlanGridClient()
        await stack.enter_async_context(client)

        uid = arguments.project or (await client.projects.page(limit=1)).data[0].uid
        await report(client, client.project(uid))


async def report(client: PlanGridClient, scope: ProjectScope) -> None:
    started = time.perf_counter()
    project = await scope.get()
    issues = [issue async for issue in scope.issues.list()]  # page after page, one read ahead
    present = [issue for issue in issues if not issue.deleted]
    busiest = Counter(
        reference for issue in present if issue.status != IssueStatus.CLOSED for reference in issue.assigned_to[:1]
    ).most_common(5)
    names = await names_of(client, [reference for reference, _ in busiest])
    seconds = time.perf_counter() - started

    print(f"{project.name} ({project.uid})")
    print(f"{len(issues):,} issues, {len(issues) - len(present):,} deleted, {archived(present):,} archived")
    print()
    for status, count in Counter(issue.status for issue in present).most_common():
        print(f"  {status or 'no status':<12}{count:>7,}")
    print()
    for currency, amount in sorted(costs(present).items()):
        print(f"  cost impact {amount:>18,.2f} {currency}")
    print(f"  delay       {sum(issue.schedule_impact or 0 for issue in present) / 86_400:>18,.1f} days")
    print(f"  overdue     {overdue(present, datetime.now(UTC)):>18,} issues")
    print()
    print("Most to do:")
    for reference, count in busiest:
        print(f"  {count:>5,}  {names.get(reference) or reference.email}")
    limiter, coalescer = client.statistics()
    print(f"\n{coalescer.calls} calls in {coalescer.requests} requests and {seconds:.1f} s", end="")
    print(f", {limiter.waited:.1f} s of them waiting for the rate limit" if limiter.waited else "")


async def names_of(client: PlanGridClient, references: list[UserReference]) -> dict[UserReference, str]:
    """The names behind references, read in one batch; somebody without an account has none."""
    known = [reference for reference in references if reference.url]
    users = await client.batch([client.follow(reference) for reference in known])
    return {
        reference: " ".join(filter(None, [user.first_name, user.last_name]))
        for reference, user in zip(known, users, strict=True)
        if isinstance(user, User)
    }


def archived(issues: Iterable[Issue]) -> int:
    return sum(issue.archived for issue in issues)


def overdue(issues: Iterable[Issue], now: datetime) -> int:
    return sum(
        issue.due_at is not None and issue.due_at < now and issue.status != IssueStatus.CLOSED for issue in issues
    )


def costs(issues: Iterable[Issue]) -> dict[str, Decimal]:
    """The cost impacts by currency, exact."""
    totals: dict[str, Decimal] = {}
    for issue in issues:
        if issue.cost_impact is not None:
            currency = issue.currency_code or "of no currency"
            totals[currency] = totals.get(currency, Decimal(0)) + issue.cost_impact
    return totals


if __name__ == "__main__":
    asyncio.run(main())
