from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.batch.fare import Fare, difference

fares = st.builds(Fare, st.frozensets(st.sampled_from(["all", "write", "upload"])), st.integers(0, 4))
KINDS = ("all", "write", "upload")


def total(parts, kind):
    return sum(part.of(kind) for part in parts)


@given(have=fares, need=fares)
def test_what_is_missing_and_what_is_too_much_lead_from_one_fare_to_the_other(have, need):
    missing, surplus = list(difference(need, have)), list(difference(have, need))
    for kind in KINDS:
        assert have.of(kind) + total(missing, kind) - total(surplus, kind) == need.of(kind)
        assert total(missing, kind) == 0 or total(surplus, kind) == 0
    assert all(part.cost > 0 and part.kinds for part in [*missing, *surplus])
