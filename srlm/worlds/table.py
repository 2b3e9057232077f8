"""Every world there is: a new one takes its own folder, and a line in each of the first two names here."""

from collections.abc import Mapping
from typing import Any

from srlm.worlds.base import World
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.beads.world import BeadWorld
from srlm.worlds.errands.settings import ErrandsData
from srlm.worlds.errands.world import ErrandsWorld

WorldData = BeadsData | ErrandsData
"""Settings of a run in a world."""
WORLDS: Mapping[str, World[Any]] = {
    "beads": BeadWorld(),
    "errands": ErrandsWorld(),
}
"""By `data.kind`."""

FROM_SCRATCH = " or ".join(f"`{kind}`" for kind, world in WORLDS.items() if world.has_base_text)
"""By `data.kind`, those in which M0 can start from random weights."""
KINDS = " or ".join(f"`{kind}`" for kind in WORLDS)
"""As messages about `data.kind` name them."""
TITLES = " or ".join(world.title for world in WORLDS.values())
TEMPLATES = ", ".join(f"`{kind}`" for kind in WORLDS)
"""The rubrics that come with worlds, as help texts list them."""
