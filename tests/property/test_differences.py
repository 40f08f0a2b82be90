"""Which options differ: plainly, and as a publisher finds it while it follows a content."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.differences import Differences, differences

contents = st.dictionaries(st.text(max_size=3), st.sampled_from([b"\x80", b"\x81\xa1a\x01"]))


@given(contents, contents)
def test_differences_are_those_of_sets(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    both = before.keys() & after.keys()
    assert differences(before, after) == Differences(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(name for name in both if before[name] != after[name])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


@given(contents, contents)
def test_a_content_that_follows_another_knows_the_same(
    before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    followed = PackedStore.of(before).follow(after)
    assert followed.differences == differences(before, after)


@given(contents, contents)
def test_what_counts_as_the_same_is_the_callers(
    before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    assert differences(before, after, lambda one, other: True).changed == ()
