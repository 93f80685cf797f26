"""What a run keeps of how it was asked for, so that a retry of its rows goes by the same mapping and options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from pango_load.errors import UsageError
from pango_load.plan import DeliveryOptions, OnUnknown, Pace, SourceOptions


class RetryTerms(BaseModel):
    """No secret, no address, no row value; names of columns are none.

    Attributes:
        folder: the current folder then, in which `mappings/TYPE.yaml` was looked for.
        mapping, catalogue: full paths; empty where none was named.
        fingerprint: the mapping's.
        headers: the source's columns.
        names: what each source file was called, in the order of `Chunk.file`.
        row_format, encoding, delimiter, sheet: how row files are written.
        reading: how the source was read.
        asked_with: flags by which addresses and keys were found, to be repeated in a command that is proposed.
        on_unknown: what was done with a lost answer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    folder: str
    object_type: str
    mapping: str = ""
    fingerprint: str
    catalogue: str = ""
    timezone: str = ""
    headers: tuple[str, ...]
    names: tuple[str, ...]
    row_format: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    reading: SourceOptions = SourceOptions()
    asked_with: tuple[str, ...] = ()
    batch_size: int
    on_unknown: OnUnknown
    senders: int = 32
    quota_share: float = 1.0
    pace: Pace = Pace.AUTO
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    give_up_after: float = 1800.0
    allow_deletes: bool = False
    log_as_json: bool = False

    @property
    def delivery(self) -> DeliveryOptions:
        """How the run was sent; its limits are those of the account today, and come from outside."""
        return DeliveryOptions(
            senders=self.senders,
            quota_share=self.quota_share,
            pace=self.pace,
            on_unknown=self.on_unknown,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            give_up_after=self.give_up_after,
        )

    def to_json(self) -> str:
        """As it is kept in the journal."""
        return self.model_dump_json()

    @classmethod
    def of(cls, text: str, run: str) -> RetryTerms:
        """As the run `run` kept it.

        Raises:
            UsageError: an older program began the run, and did not keep it.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UsageError(
                f"Run {run} was begun by a pango-load that kept no options for a retry.",
                "Load the mended file by itself: its _pango_ columns are ignored.",
            ) from error
