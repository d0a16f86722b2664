"""What a verification finds wrong is kept until it is mended."""

from __future__ import annotations

from pathlib import Path

from plangrep_async.migrate import FolderTarget, FolderTree, Migration, Problem, State
from plangrep_async.migrate.checking import Checking
from plangrep_async.migrate.document import Document, Found
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.status import read_status


async def arrived(journal: Journal, number: int) -> list[Document]:
    found = [Found(key=f"{each}", name=f"{each}", size=1, mtime_ns=1) for each in range(number)]
    await journal.discover(found)
    await journal.note(scanned=True)
    await journal.change_all(range(1, number + 1), state=State.COMPLETED.value)
    return await known(journal)


async def known(journal: Journal) -> list[Document]:
    return [document async for document in journal.documents()]


async def test_what_is_wrong_is_noted_until_it_is_found_good(journal: Journal) -> None:
    good, missing, different = await arrived(journal, 3)
    first = Checking(journal)
    await first.begin()
    await first.good(good)
    first.different(different, "size: 1 was sent, 2 is there")
    found = await first.end()
    assert (found.checked, found.good, found.differing, found.missing) == (3, 1, 1, (missing.key,))
    assert [(document.state, document.problem, document.error) for document in await known(journal)] == [
        (State.VERIFIED, None, None),
        (State.COMPLETED, Problem.MISSING, "it was not found at the target"),
        (State.COMPLETED, Problem.DIFFERENT, "size: 1 was sent, 2 is there"),
    ]
    status = await read_status(journal)
    assert (status.wrong, status.is_complete) == (2, False)

    second = Checking(journal)
    await second.begin()  # one that is interrupted here forgets nothing that is wrong
    assert (await read_status(journal)).wrong == 2
    for document in await known(journal):
        await second.good(document)
    assert (await second.end()).ok
    assert {(document.state, document.problem, document.error) for document in await known(journal)} == {
        (State.VERIFIED, None, None)
    }
    assert (await read_status(journal)).is_complete


async def test_only_what_is_missing_is_opened_again(journal: Journal) -> None:
    good, missing, different, unknown = await arrived(journal, 4)
    checking = Checking(journal)
    await checking.begin()
    await checking.good(good)
    checking.different(different, "name")
    await checking.keep(unknown)
    found = await checking.end()
    assert (found.good, found.differing, found.unknown, found.missing) == (1, 1, 1, (missing.key,))
    assert await journal.reopen_missing() == 1
    opened = [document.key for document in await known(journal) if document.state is State.DISCOVERED]
    assert opened == [missing.key]
    assert (await journal.get(missing.id)).error is None


async def test_more_than_a_page_is_missing(journal: Journal) -> None:
    await arrived(journal, 1_203)
    checking = Checking(journal)
    await checking.begin()
    found = await checking.end()
    assert (found.good, len(found.missing)) == (0, 100)
    assert (await journal.tally()).problems == {Problem.MISSING: 1_203}


async def test_a_file_that_changes_hides_not_that_it_is_missing(journal: Journal) -> None:
    missing, good = await arrived(journal, 2)
    checking = Checking(journal)
    await checking.begin()
    await checking.good(good)
    await checking.end()
    await journal.discover([Found(key=each.key, name=each.name, size=1, mtime_ns=2) for each in (missing, good)])
    assert [document.problem for document in await known(journal)] == [Problem.MISSING, Problem.CHANGED]


async def test_what_is_put_right_at_the_target_is_good_again(tree: Path, tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "out")
    migration = Migration(FolderTree(tree), target, journal=tmp_path / "journal.db")
    await migration.run()
    photo = tmp_path / "out" / "files" / "photo.png"
    away = photo.rename(tmp_path / "photo.png")
    assert not (await migration.verify()).ok
    assert not (await migration.run()).is_complete, "a run sends nothing of it by itself"
    away.rename(photo)
    assert (await migration.verify()).ok
    assert (await migration.status()).is_complete
