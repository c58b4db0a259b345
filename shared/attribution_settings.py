"""Settings of a site about attribution: which touches make a path, and how the models weigh them (docs/method.md, models)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from shared.models import PathModel

# In the order in which they are listed:
# exposure: of touches of one channel in a row the first counts; first: of every channel only its first touch;
# unique: every touch counts, the name that other systems give to no transform at all;
# drop_direct: direct touches go, drop_last_direct: those at the end go; both leave a path that has only direct touches as it is.
PathTransform = Literal["exposure", "first", "unique", "drop_direct", "drop_last_direct"]
Shares = tuple[int, int, int]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Attribution(BaseModel):
    """A path: touches within the look-back, without excluded channels, after the reset, the last N of them, then transformed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lookback_days: int = Field(default=90, ge=0, le=400)
    lookback_touches: int | None = Field(default=None, ge=1, le=10_000, description="only the last touches of a path; default all")
    excluded_channels: list[_Name] = Field(default_factory=list, description="channels that no path contains")
    path_transforms: list[PathTransform] = Field(default_factory=list, description="applied in this order")
    reset_after: Literal["never", "request", "sale"] = Field(
        default="never",
        description="a path begins after the person's previous counted request, or the one that became a sale",
    )
    default_model: PathModel = "last_non_direct"
    significant_media: list[_Name] = Field(default_factory=lambda: ["cpc", "cpm", "paid_social", "display", "affiliate", "ads"])
    position: Shares = Field(default=(40, 20, 40), description="first, middle, last; percent")
    custom: Shares = Field(default=(30, 40, 30), description="first, middle, last of the model custom; percent")
    half_life_days: int = Field(default=7, ge=1, le=400, description="of the model time_decay")
    markov_order: int = Field(default=1, ge=1, le=3, description="how many touches back the models markov and markov_path look")

    @field_validator("position", "custom")
    @classmethod
    def _sums(cls, shares: Shares) -> Shares:
        if sum(shares) != 100 or min(shares) < 0:
            raise ValueError("the three shares must be 0 or more and add up to 100")
        return shares

    @field_validator("path_transforms")
    @classmethod
    def _once(cls, transforms: list[PathTransform]) -> list[PathTransform]:
        if len(set(transforms)) < len(transforms):
            raise ValueError("name each transform once")
        return transforms
