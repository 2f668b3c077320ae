"""What exchanges do wrong, switched on one by one; and the dice that decide when."""

from typing import Annotated, TypeVar

from pydantic import Field

from engine.errors import RateLimited, VenueTransient, VenueUnavailable
from engine.sections import Section
from engine.venues.sim.draws import draws

T = TypeVar("T")
Probability = Annotated[float, Field(ge=0, le=1)]


class Mischief(Section):
    """How probable each fault is, from 0 (never) to 1 (always). No fill is ever lost for good."""

    duplicate: Probability = Field(
        0, description="An item of a page appears twice, on that page or on the next one."
    )
    out_of_order: Probability = Field(
        0, description="The items of a page come in no particular order."
    )
    late: Probability = Field(
        0, description="A fill is published only `late_by_ms` after it happened."
    )
    null_fee: Probability = Field(
        0, description="A fill is first published without its fee, and `late_by_ms` later with it."
    )
    late_by_ms: int = Field(
        5_000, ge=0, description="How many milliseconds late fills and late fees are."
    )
    truncate: Probability = Field(
        0, description="A page of fills is cut short, which the venue reports as a bad response."
    )
    burst: Probability = Field(
        0, description="During a request, orders fill in many one-lot pieces in one millisecond."
    )
    timeout: Probability = Field(
        0, description="The answer never arrives; half of the time the request was acted upon."
    )
    server_error: Probability = Field(
        0, description="A request fails with a server error before anything is done."
    )
    rate_limit: Probability = Field(
        0, description="A request is refused for coming too soon, before anything is done."
    )


class Dice:
    """What goes wrong in one request: the same seed and request number fall the same way."""

    def __init__(self, mischief: Mischief, seed: int, request: int) -> None:
        self._mischief = mischief
        self._rng = draws(seed, "request", request)
        self.burst = self._falls(mischief.burst)

    def refusal(self) -> VenueTransient | None:
        """Why the request is not even looked at, if so."""
        if self._falls(self._mischief.rate_limit):
            return RateLimited("429: too many requests")
        if self._falls(self._mischief.server_error):
            return VenueUnavailable("503: service unavailable")
        return None

    def loses_answer(self) -> bool:
        return self._falls(self._mischief.timeout)

    def acts_all_the_same(self) -> bool:
        """Whether a request whose answer gets lost is acted upon."""
        return self._falls(0.5)

    def publication_delay(self) -> int:
        """Milliseconds from a fill to its publication."""
        return self._mischief.late_by_ms if self._falls(self._mischief.late) else 0

    def fee_delay(self) -> int:
        """Milliseconds from a fill's publication to its fee's."""
        return self._mischief.late_by_ms if self._falls(self._mischief.null_fee) else 0

    def duplicates(self) -> bool:
        return self._falls(self._mischief.duplicate)

    def arranged(self, items: list[T]) -> list[T]:
        """The items in the order in which they are answered."""
        if not self._falls(self._mischief.out_of_order):
            return items
        return self._rng.sample(items, len(items))

    def sent(self, items: list[T]) -> list[T]:
        """The items that an answer has, which may be cut short."""
        if not items or not self._falls(self._mischief.truncate):
            return items
        return items[: self._rng.randrange(len(items))]

    def _falls(self, probability: float) -> bool:
        return probability > 0 and self._rng.random() < probability
