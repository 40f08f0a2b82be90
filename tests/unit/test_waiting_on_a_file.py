"""``wait`` and ``changes`` of a Config over a file, which is looked at once a second."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ddbcfg_client.waking.change import Change
from support.awaiting import PATIENCE
from support.files import TOML, opened, replace_file, with_host


def test_threads_and_tasks_notice_what_becomes_of_the_file(tmp_path: Path) -> None:
    async def next_of_all() -> Change:
        return await asyncio.wait_for(anext(changes), PATIENCE)

    path = tmp_path / "settings.toml"
    config = opened(path)
    assert config.wait(0) is False  # there is no file yet
    path.write_text(TOML)
    changes = config.changes()
    assert config.wait(PATIENCE) is True
    config.close()
    assert config.wait(0) is False
    assert changes.wait(0) == Change(1, added=("db",))
    replace_file(path, with_host("h2"))
    assert asyncio.run(next_of_all()) == Change(2, changed=("db",))
