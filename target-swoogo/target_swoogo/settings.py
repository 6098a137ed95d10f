"""The target's settings: names, kinds, defaults and descriptions.

`meltano.yml`, `.env.example` and the README are tested against this file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from singer_sdk import typing as th

from target_swoogo.endpoints import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = ("accepted", "accept_queue", "pending", "decline_queue", "declined")
ROLES = ("speaker", "chairperson", "moderator")
_READ_ONLY = {"id", "contact_id", "direct_link"}
SENT_FIELDS = tuple(
    f"{kind.value}.{name}"
    for kind, names in FIELDS.items()
    for name in names.split(",")
    if name not in _READ_ONLY
)


def _flag(name: str, *, default: bool, title: str, description: str) -> th.Property[bool]:
    """A setting that is true or false.

    Its type is wrapped, because the SDK would read a plain boolean from the environment, and take
    any word that it does not know for false.
    """
    kind = th.CustomType({"allOf": [{"type": ["boolean", "null"]}]})
    return th.Property(name, kind, default=default, title=title, description=description)


SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "consumer_key",
        th.StringType(nullable=False),
        required=True,
        secret=True,
        title="Consumer key",
        description="Swoogo API consumer key, from My Profile > API Credentials in Swoogo.",
    ),
    th.Property(
        "consumer_secret",
        th.StringType(nullable=False),
        required=True,
        secret=True,
        title="Consumer secret",
        description="Swoogo API consumer secret, from the same page.",
    ),
    th.Property(
        "event_mappings",
        th.ArrayType(
            th.ObjectType(
                th.Property("sessionboard_event_id", th.IntegerType, required=True),
                th.Property("swoogo_event_id", th.IntegerType, required=True),
                additional_properties=False,
            ),
            nullable=False,
        ),
        required=True,
        title="Event mappings",
        description=(
            "Which Sessionboard event goes to which Swoogo event, one to one: a list of "
            "{sessionboard_event_id, swoogo_event_id}. Both ids stand in the address of the "
            "event's page."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.swoogo.com/api/v1",
        title="API URL",
        description="Base address of the Swoogo API.",
    ),
    th.Property(
        "ledger_url",
        th.StringType,
        default="sqlite:///ledger/target-swoogo.db",
        secret=True,
        title="Ledger URL",
        description=(
            "Where the ledger (source records, ID map, journal) is kept: a SQLAlchemy URL of "
            "SQLite or PostgreSQL. Keep it safe and outside .meltano: it remembers what is in "
            "Swoogo."
        ),
    ),
    _flag(
        "dry_run",
        default=False,
        title="Dry run",
        description="Read, plan and report, but change nothing and move no bookmark.",
    ),
    th.Property(
        "session_statuses",
        th.ArrayType(th.StringType(allowed_values=list(STATUSES))),
        default=["accepted"],
        title="Session statuses",
        description="Sessions with one of these Sessionboard statuses are synced.",
    ),
    _flag(
        "sync_past_sessions",
        default=False,
        title="Sync past sessions",
        description="Also sync sessions that are over.",
    ),
    th.Property(
        "subsessions",
        th.StringType(allowed_values=["skip", "as_sessions"]),
        default="skip",
        title="Subsessions",
        description="Leave subsessions out, or sync each as a session of its own.",
    ),
    th.Property(
        "speakers",
        th.StringType(allowed_values=["on_synced_sessions", "all"]),
        default="on_synced_sessions",
        title="Speakers",
        description="Sync only people on a session that syncs, or everybody.",
    ),
    th.Property(
        "roles",
        th.ArrayType(th.StringType(allowed_values=list(ROLES))),
        default=list(ROLES),
        title="Roles",
        description="Which roles on a session make a person a speaker in Swoogo.",
    ),
    _flag(
        "unlink_removed_speakers",
        default=False,
        title="Unlink removed speakers",
        description=(
            "Also remove the link in Swoogo when a person is taken off a session in Sessionboard; "
            "otherwise it is only reported."
        ),
    ),
    _flag(
        "match_existing",
        default=True,
        title="Match existing",
        description=(
            "Before creating, look for the same record in Swoogo and adopt it instead. Turning "
            "this off saves a few credits and risks duplicates."
        ),
    ),
    th.Property(
        "timezone_mismatch",
        th.StringType(allowed_values=["error", "warn"]),
        default="error",
        title="Time-zone mismatch",
        description="What to do when the two events of a pair keep different time zones.",
    ),
    th.Property(
        "sponsor_tier_field",
        th.StringType,
        default="Tier",
        title="Sponsor tier field",
        description="Name of the Sessionboard custom field that holds a sponsor's tier.",
    ),
    th.Property(
        "image_max_bytes",
        th.IntegerType(minimum=10_000),
        default=1_000_000,
        title="Image limit",
        description="Images over this many bytes are downscaled to fit.",
    ),
    _flag(
        "allow_private_images",
        default=False,
        title="Allow private image addresses",
        description="Also fetch images from private or local network addresses.",
    ),
    _flag(
        "sanitize_html",
        default=True,
        title="Sanitise HTML",
        description="Remove scripts, styles and other unsafe markup from descriptions.",
    ),
    th.Property(
        "create_only_fields",
        th.ArrayType(th.StringType(allowed_values=list(SENT_FIELDS))),
        default=[],
        title="Create-only fields",
        description=(
            "Swoogo fields sent at creation and never overwritten afterwards, as kind.field, "
            "such as session.description."
        ),
    ),
    th.Property(
        "max_workers",
        th.IntegerType(minimum=1, maximum=32),
        default=8,
        title="Workers",
        description="How many calls to Swoogo run at once.",
    ),
    th.Property(
        "quota_reserve_percent",
        th.IntegerType(minimum=0, maximum=90),
        default=10,
        title="Quota reserve",
        description="Share of Swoogo's quota, in percent, that is left to other programs.",
    ),
    th.Property(
        "time_budget_minutes",
        th.IntegerType(minimum=1),
        default=25,
        title="Time budget",
        description="A run ends cleanly after this many minutes; the next one continues.",
    ),
    th.Property(
        "max_failed_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=20,
        title="Failure limit",
        description="The run fails when more than this share of the records, in percent, failed.",
    ),
    th.Property(
        "list_lag_seconds",
        th.IntegerType(minimum=0),
        default=120,
        title="List lag",
        description=(
            "How long a record that was just created may be missing from Swoogo's lists; a create "
            "whose answer was lost is not repeated before."
        ),
    ),
    th.Property(
        "report_path",
        th.StringType,
        default="reports",
        title="Report path",
        description="Folder for the reports of the runs; empty for none.",
    ),
    th.Property(
        "guard_time_shift_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=50,
        title="Guard against shifted times",
        description=(
            "Hold new session times back when at least this share of the sessions, in percent, "
            "would move by one common offset; 0 turns the guard off."
        ),
    ),
    th.Property(
        "guard_changed_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=50,
        title="Guard against mass changes",
        description=(
            "Hold updates back when more than this share of the known records of a kind, in "
            "percent, would change at once; 0 turns the guard off."
        ),
    ),
    th.Property(
        "guard_emptied_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=20,
        title="Guard against emptied fields",
        description=(
            "Hold back the emptying of a field when it would be emptied in more than this share "
            "of the known records of a kind, in percent; 0 turns the guard off."
        ),
    ),
    th.Property(
        "guard_missing_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=30,
        title="Guard against a shrunken read",
        description=(
            "Warn, and remove no links, when more than this share of the known records of a kind, "
            "in percent, no longer belong to what is synced; 0 turns the guard off."
        ),
    ),
    th.Property(
        "freeze_hours",
        th.IntegerType(minimum=0),
        default=0,
        title="Freeze before the event",
        description=(
            "From so many hours before the first session on, only times and rooms of known "
            "sessions are changed; 0 never freezes."
        ),
    ),
    th.Property(
        "progress_seconds",
        th.IntegerType(minimum=0),
        default=10,
        title="Progress interval",
        description="A long run logs its progress every so many seconds; 0 for never.",
    ),
    th.Property(
        "webhook_url",
        th.StringType,
        secret=True,
        title="Webhook URL",
        description=(
            "Where to POST a message, in a form that Slack and Teams accept, when a run fails, "
            "holds changes back, or finds the data stale."
        ),
    ),
    th.Property(
        "stale_minutes",
        th.IntegerType(minimum=0),
        default=120,
        title="Stale after",
        description=(
            "Data is stale when an event was last fully synced more than so many minutes ago; 0 "
            "for never."
        ),
    ),
    th.Property(
        "sessionboard_access_token",
        th.StringType,
        secret=True,
        title="Sessionboard access token",
        description="The tap's token, for the command check only.",
    ),
    th.Property(
        "sessionboard_region",
        th.StringType(allowed_values=["us", "eu", "me"]),
        default="us",
        title="Sessionboard region",
        description="The tap's region, for the command check only.",
    ),
    th.Property(
        "sessionboard_api_url",
        th.StringType,
        title="Sessionboard API URL",
        description=(
            "The tap's API URL, used in place of the region's, for the command check only."
        ),
    ),
    # Declared so that the SDK does not offer choices that mean nothing here.
    th.Property(
        "load_method",
        th.StringType(allowed_values=["upsert"]),
        default="upsert",
        title="Load method",
        description="Records are always upserted.",
    ),
).to_dict()

FLAGS = tuple(
    name for name, schema in SCHEMA["properties"].items() if isinstance(schema.get("default"), bool)
)
"""The settings that are true or false."""


@dataclass(frozen=True)
class Settings:
    """The settings of one run, typed. Names and meanings are those of `SCHEMA`."""

    consumer_key: str
    consumer_secret: str
    event_mappings: tuple[tuple[int, int], ...]
    api_url: str
    ledger_url: str
    dry_run: bool
    session_statuses: frozenset[str]
    sync_past_sessions: bool
    subsessions: Literal["skip", "as_sessions"]
    speakers: Literal["on_synced_sessions", "all"]
    roles: frozenset[str]
    unlink_removed_speakers: bool
    match_existing: bool
    timezone_mismatch: Literal["error", "warn"]
    sponsor_tier_field: str
    image_max_bytes: int
    allow_private_images: bool
    sanitize_html: bool
    create_only_fields: frozenset[str]
    max_workers: int
    quota_reserve_percent: int
    time_budget_minutes: int
    max_failed_percent: int
    list_lag_seconds: int
    report_path: str
    guard_time_shift_percent: int
    guard_changed_percent: int
    guard_emptied_percent: int
    guard_missing_percent: int
    freeze_hours: int
    progress_seconds: int
    webhook_url: str | None
    stale_minutes: int
    sessionboard_access_token: str | None
    sessionboard_region: str
    sessionboard_api_url: str | None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Read the settings from a validated Singer configuration.

        Args:
            config: What the SDK has validated against `SCHEMA`.

        Returns:
            The settings.
        """
        values = {field.name: _or_default(config, field.name) for field in fields(cls)}
        for name in ("session_statuses", "roles", "create_only_fields"):
            values[name] = frozenset(values[name])
        values["event_mappings"] = tuple(
            (pair["sessionboard_event_id"], pair["swoogo_event_id"])
            for pair in config["event_mappings"]
        )
        return cls(**values)


def _or_default(config: Mapping[str, Any], name: str) -> Any:
    """The schema lets a setting be null, which means that it is not set."""
    value = config.get(name)
    return SCHEMA["properties"][name].get("default") if value is None else value
