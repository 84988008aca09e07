"""Who waits for news can always be told to leave."""

import asyncio

import pytest

from runs.services.hub import Watch


@pytest.mark.parametrize("turns", range(6))
def test_who_leaves_as_news_arrives_is_gone(turns: int) -> None:
    """The cancellation may come any number of turns of the loop after the nudge."""

    async def leave() -> bool:
        watch = Watch(None)

        async def follow() -> None:
            while True:
                await watch.changes(60)

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.01)
        watch.wake(None)
        for _ in range(turns):
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.wait({following}, timeout=5)
        return following.cancelled()

    assert asyncio.run(leave())
