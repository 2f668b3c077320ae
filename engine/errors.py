"""Every error the engine raises on purpose; drivers' and venues' become these at the edge."""


class CycledeckError(Exception):
    """Something went wrong in cycledeck."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class SettingsError(CycledeckError):
    """The settings are not usable."""


# --- the store


class StoreError(CycledeckError):
    """The ledger's database reported an error; the transaction was rolled back."""


class StoreLocked(StoreError):
    """Another process held the database's write lock beyond the time-out."""


class StoreFull(StoreError):
    """There is no room left for the database."""


class StoreFatal(StoreError):
    """The database cannot be used any further; the engine has to stop."""


class StoreReadOnly(StoreFatal):
    """The database, or the file system it is on, is read-only."""


class StoreCorrupt(StoreFatal):
    """The database file is damaged."""


class StoreReplaced(StoreFatal):
    """The database file was removed or replaced while the engine ran."""


class LeftoverLog(StoreFatal):
    """The write-ahead log beside the database file belongs to another state of it."""


class SchemaTooNew(StoreFatal):
    """The database was written by a newer program."""


class LedgerMismatch(StoreFatal):
    """The ledger belongs to something else than what was asked for."""


class CommitUnknown(StoreError):
    """COMMIT itself failed: whether the transaction took effect has to be read back."""


class LeaseHeld(StoreFatal):
    """Another engine holds the ledger's lease."""


class LeaseLost(StoreFatal):
    """Another engine took the ledger's lease over: this one changes nothing any more."""


class AnchorError(CycledeckError):
    """The anchor file cannot be read, or added to."""


# --- what the venue said


class UnreadableFill(CycledeckError):
    """One item that the venue reported cannot be read as a fill."""


class VenueError(CycledeckError):
    """The venue did not do what it was asked."""


class VenueTransient(VenueError):
    """The venue failed in a way that may pass: asking again is right."""


class VenueUnavailable(VenueTransient):
    """The venue answered with a server error or broke the connection."""


class VenueTimeout(VenueTransient):
    """The venue did not answer in time: whether it acted is unknown."""


class RateLimited(VenueTransient):
    """The venue asked to be called less often."""


class BadResponse(VenueTransient):
    """The venue's answer is cut short or not what its interface promises."""


class NotSupported(VenueError):
    """The venue does not offer this."""


class OrderRejected(VenueError):
    """The venue refused the order."""


class OrderNotFound(VenueError):
    """The venue knows no such open order."""


# --- what was asked of the engine


class StrategyFailed(CycledeckError):
    """The strategy raised an error."""


class EngineClosing(CycledeckError):
    """The engine is closing: nothing is begun any more."""


class ChannelError(CycledeckError):
    """There is no engine to talk to, or it speaks another protocol."""


class ChannelClosed(ChannelError):
    """The engine ended the connection."""


class NoSuchCycle(CycledeckError):
    """There is no such cycle, or its inputs are no longer kept.

    `idle` are the first and the last cycle of the idle ones among which it is no longer kept.
    """

    def __init__(self, message: str, idle: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.idle = idle


class DecisionRefused(CycledeckError):
    """A decision cannot be made as it was asked for; nothing was changed."""


class NoSuchItem(CycledeckError):
    """There is no such item."""
