"""docs/dashboard.svg: the dashboard before two nodes of its own that have something to do. `make picture`."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from core.cli.dashboard.app import Dashboard
from core.cli.target import known
from tests.support import cluster
from tests.support.cluster import Home, Node

SIZE: Final = (108, 36)
SAMPLES: Final = 56  # as many as make the graphs full
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.S)  # of elsewhere: whoever looks has a font of his own


async def picture(node: Node) -> str:
    """What is seen once the graphs are full."""
    app = Dashboard(known(str(node.home.client_file), "", (), ()), 0.25)
    busy = app.fleet.nodes[node.address]
    async with app.run_test(size=SIZE) as pilot:
        done = 0
        while (now := len(busy.processors.history.last(SAMPLES))) < SAMPLES:
            if now % 20 == 10 and done < now:
                done = now
                await asyncio.to_thread(node.ichorctl, "service", "imagecheck", "start", code=None)
            await pilot.pause(0.1)
        return _FONTS.sub("", app.export_screenshot(title="ichorctl dashboard"))


def main(target: Path) -> None:
    """Make the nodes, look at them, take them away."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        try:
            node, *_ = cluster.create(home, cluster.spec("ichor", 2))
            drawn = asyncio.run(picture(node))
        finally:
            cluster.remove(home)
    target.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
