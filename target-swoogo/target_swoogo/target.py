"""The Singer target: which stream goes to which sink, and the order of a run.

A run goes one way. Singer lines are checked and kept by the sinks (`sinks`), batch by batch, in
the ledger (`ledger`); then STATE goes out. For each pair of events that is not at rest (`rest`)
the rules decide what Swoogo should have (`evaluate`, `rules`; of edits and ended sessions alone,
where that is enough, `edits`), Swoogo is asked what the plan must know (`observe`), the plan is
what differs (`plan`) less what is held back (`freeze`, `guards`, `removals`), and is carried out
(`apply`). At the end all is told (`report`), and people are called if need be (`alerts`).
"""

from __future__ import annotations

import copy
import logging
import sys
import threading
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigValidationError,
    InvalidJSONSchema,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import SameRecordTransform
from typing_extensions import override

from target_swoogo import settings, settings_validation
from target_swoogo.clock import utc_now
from target_swoogo.errors import TargetError
from target_swoogo.reading import full_reads
from target_swoogo.sinks import IgnoringSink, LineReader, SourceSink
from target_swoogo.source import STREAMS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.sinks import Sink

    from target_swoogo.ledger import Ledger
    from target_swoogo.reconcile import Reconciler
    from target_swoogo.report import RunReport


class TargetSwoogo(Target):
    """Reconciles a conference programme from Sessionboard with Swoogo."""

    name = "target-swoogo"
    package_name = "target-swoogo"
    # A copy: the SDK adds its own settings to it.
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.SCHEMA)
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._reader = _WatchedReader(self._watched)
        super().__init__(*args, message_reader=self._reader, **kwargs)
        # It shows addresses, which may hold an e-mail address or a signature, even in warnings.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        # Order matters: sinks share the ledger's one connection.
        self.max_parallelism = 1
        # People read this log; figures of single batches are for those who ask for more.
        if self.metrics_logger.level == logging.INFO:
            self.metrics_logger.setLevel(logging.WARNING)
        self._stop = threading.Event()
        self._reconciling = False
        self._report: RunReport | None = None
        self._direct: dict[str, SourceSink] = {}
        self.received: set[int] = set()
        """The events that the tap has read in this run."""

    @cached_property
    def settings(self) -> settings.Settings:
        """The settings, typed."""
        return settings.Settings.from_config(self.config)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, opened and locked when it is first needed."""
        from target_swoogo.ledger import Ledger  # noqa: PLC0415 - SQLAlchemy: not for --version

        return Ledger.open(self.settings.ledger_url, dry_run=self.settings.dry_run)

    @override
    def get_sink_class(self, stream_name: str) -> type[Sink]:
        return SourceSink if stream_name in STREAMS else IgnoringSink

    # The order of a run

    @override
    def process_endofpipe(self) -> None:
        """All records are in: commit them, let STATE out, then bring Swoogo up to date."""
        with self._watched():
            super().process_endofpipe()
            ledger = self.ledger
            self._reconciling = True
            reconciler = self.reconciler(ledger)
            # A tap that broke off may have left out anything.
            reconciler.read = self.received if self._reader.last == "STATE" else set()
            reconciler.full_reads = full_reads(self._latest_state)
            self._report = reconciler.run()
            self._tell(self._report)
            _judge(self._report, self.settings.max_failed_percent)
            self._alert(None)
            ledger.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """What is done inside ends well, or people are told and the ledger is closed."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, Exception):
                self._alert(error)
            else:
                self.logger.warning(
                    "Ended before all records were read; the next run reads them again."
                )
            if (ledger := self._opened()) is not None:
                ledger.close()
            raise

    def _opened(self) -> Ledger | None:
        """The ledger, if it could be opened."""
        ledger: Ledger | None = vars(self).get("ledger")
        return ledger

    def reconciler(self, ledger: Ledger) -> Reconciler:
        """What brings Swoogo up to date with a ledger."""
        from target_swoogo.reconcile import Reconciler  # noqa: PLC0415 - likewise

        user_agent = f"{self.name}/{self.plugin_version}"
        return Reconciler(ledger, self.settings, self._stop, user_agent, utc_now())

    def _tell(self, report: RunReport) -> None:
        for line in report.as_text():
            self.logger.info("%s", line)
        try:
            file = report.write(self.settings.report_path)
        except OSError as error:
            self.logger.warning(
                "The report could not be written to %s (%s); check the setting report_path.",
                self.settings.report_path,
                error.strerror,
            )
        else:
            if file is not None:
                self.logger.info("Report: %s", file)

    def _alert(self, failure: Exception | None) -> None:
        from target_swoogo.alerts import alert, situations  # noqa: PLC0415 - likewise

        url, now = self.settings.webhook_url, utc_now()
        if url and not self.settings.dry_run:
            if isinstance(failure, _SINGER_ERRORS):
                failure = _singer_error(failure)
            found = situations(self._report, failure, self.settings.stale_minutes, now)
            pairs = self._report.pairs if self._report else ()
            # What was not looked at may be as bad as it was.
            if found or not any(pair.postponed for pair in pairs):
                alert(url, found, self._opened(), now)

    # Records, most of which no stream map touches

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._direct.clear()  # another schema brings another map, and another sink
        super()._process_schema_message(message_dict)

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Take in a record; the SDK's own way makes twice as many calls."""
        stream = message_dict["stream"]
        sink = self._direct.get(stream)
        if sink is None:
            super()._process_record_message(message_dict)
            self._look_for_direct_way(stream)
            return
        sink.take(message_dict["record"])
        if sink.is_full:
            self.drain_one(sink)
        self._handle_max_record_age()

    def _look_for_direct_way(self, stream: str) -> None:
        """See whether a stream's records go into one sink as they are."""
        maps = self.mapper.stream_maps[stream]
        sink = self._sinks_active.get(stream)
        if (
            isinstance(sink, SourceSink)
            and not sink.include_sdc_metadata_properties
            and [(type(one), one.stream_alias) for one in maps] == [(SameRecordTransform, stream)]
            and not maps[0].flattening_enabled
        ):
            self._direct[stream] = sink

    # Where the SDK's ways do not fit

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Keep a dry run's state back: Meltano would move the bookmark past what was not synced."""
        if not self.settings.dry_run:
            super()._write_state_message(state)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Finish what was begun in Swoogo, and report, before giving way to a signal.

        While records come in there is nothing to finish: what is not committed is read again. The
        SDK would write it to the ledger from here, and perhaps in the midst of another write.
        """
        if self._reconciling:
            self._stop.set()
        else:
            sys.exit(_BY_SIGNAL + signum)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        self._config = settings_validation.with_flags(self._config)
        problems = settings_validation.problems(self._config, self.config_jsonschema)
        if problems and raise_errors:
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=problems, schema=self.config_jsonschema)
        return problems

    @classmethod
    @override
    def invoke(cls, **kwargs: Any) -> None:
        """Run the target; a failure its user can mend is one sentence, not a traceback."""
        try:
            super().invoke(**kwargs)
        except ConfigValidationError as error:
            failures = [f"{problem} [setting_invalid]" for problem in error.errors]
        except TargetError as error:
            failures = [f"{error} [{error.code}]"]
        except _SINGER_ERRORS as error:
            told = _singer_error(error)
            failures = [f"{told} [{told.code}]"]
        else:
            return
        for failure in failures:
            cls.logger.error("%s", failure)
        _drain(kwargs.get("file_input") or sys.stdin)
        sys.exit(1)


class _WatchedReader(LineReader):
    """Reads lines under somebody's eyes."""

    def __init__(self, watched: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._watched = watched

    @override
    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        with self._watched():
            _load_ahead()
            return super().process_lines(file_input, callbacks)


def _load_ahead() -> None:
    """Load what every run needs and other commands do not, while the tap is still starting."""
    from target_swoogo import ledger, reconcile, report_html  # noqa: F401, PLC0415 - likewise

    report_html.template()


_BY_SIGNAL = 128
"""Added to the number of the signal that ended a program, it is the exit code."""

_SINGER_ERRORS = (RecordsWithoutSchemaException, MissingKeyPropertiesError, InvalidJSONSchema)


def _singer_error(error: Exception) -> TargetError:
    return TargetError(
        "singer_stream_invalid",
        f"The tap's output breaks the Singer specification: {_first_line(error)} The run stopped "
        f"there; the bookmark was not moved past it. Check the tap's version.",
    )


def _drain(stream: IO[str]) -> None:
    """Let the tap finish: a pipe that closes in its face buries our sentence under its errors."""
    if not stream.isatty():
        for _ in stream:
            pass


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].strip()


def _judge(report: RunReport, max_failed_percent: int) -> None:
    """Fail the run where a person has to act; single refused records do not."""
    stopped = [pair.error for pair in report.pairs if pair.error]
    if stopped:
        code, message = stopped[0]
        more = f" {len(stopped) - 1} more event pairs were stopped." if len(stopped) > 1 else ""
        raise TargetError(code, f"{message}{more}")
    for pair in report.pairs:
        percent = pair.failed_percent()
        if percent > max_failed_percent:
            raise TargetError(
                "too_many_failed",
                f"{percent:.0f}% of the records of Sessionboard event "
                f"{pair.pair.sessionboard_event_id} failed, more than max_failed_percent "
                f"({max_failed_percent}); see the failures above.",
            )
