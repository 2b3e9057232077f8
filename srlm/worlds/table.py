"""Every world there is: a new one takes its own folder, and a line in each of the first two names here."""

from collections.abc import Mapping
from typing import Any

from srlm.worlds.base import World
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.beads.world import BeadWorld

WorldData = BeadsData
"""Settings of a run in a world: a union, `BeadsData | OtherData`, once there are two."""
WORLDS: Mapping[str, World[Any]] = {
    "beads": BeadWorld(),
}
"""By `data.kind`."""

KINDS = " or ".join(f"`{kind}`" for kind in WORLDS)
"""As messages about `data.kind` name them."""
TITLES = " or ".join(world.title for world in WORLDS.values())
TEMPLATES = ", ".join(f"`{kind}`" for kind in WORLDS)
"""The rubrics that come with worlds, as help texts list them."""
