import pytest

from plangrep_async.batch.policy import copy_of, refusal
from plangrep_async.errors import APIConnectionError, NotFoundError, PlangrepAsyncError


@pytest.mark.parametrize("status", [400, 413, 414, 422, 431])
def test_a_batch_that_is_too_much_is_halved(status):
    assert [refusal(status, size) for size in (50, 25, 3, 2)] == [25, 13, 2, 1]


@pytest.mark.parametrize("status", [301, 404, 405, 409, 410, 415, 501])
def test_after_any_other_refusal_calls_leave_alone(status):
    """So that no call takes the batch's 404 for its own."""
    assert refusal(status, 50) == 1


@pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 500, 502, 503, 504])
def test_these_do_not_say_that_the_form_is_wrong(status):
    assert refusal(status, 50) is None


def test_every_refusal_ends():
    size = 50
    for _ in range(10):
        size = refusal(400, size) or 0
    assert size == 1


def test_a_copy_says_the_same_and_is_another_object():
    cause = OSError("reset")
    error = NotFoundError("gone", method="GET", status=404, body=b"{}", attempts=3)
    error.__cause__ = cause
    try:
        raise error
    except NotFoundError as caught:
        copied = copy_of(caught)
    assert copied is not error
    assert type(copied) is NotFoundError
    assert (str(copied), copied.body, copied.attempts) == ("gone", b"{}", 3)
    assert copied.__cause__ is cause
    assert copied.__traceback__ is None


def test_a_foreign_error_is_wrapped():
    original = KeyError("x")
    copied = copy_of(original)
    assert type(copied) is PlangrepAsyncError
    assert copied.__cause__ is original
    assert not isinstance(copied, APIConnectionError)
