"""Decides which source records may sync, and as which Swoogo fields. Pure.

The rules are those of Sessionboard's Swoogo article ("Synced Fields", "Resync Behavior") and of the
Swoogo API v1 reference. Every refusal has a stable code and a sentence that names the record and
says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_swoogo.html import clean_text, sanitize
from target_swoogo.model import Choice, Kind, Note, Programme, Ref, Row, Value
from target_swoogo.source import Room, Track, Unreadable
from target_swoogo.values import (
    END_OF_DAY,
    Placed,
    Refused,
    capacity_of,
    check_limits,
    email_of,
    instant,
    label_of,
    line,
    missing,
    person_label,
    picture_of,
    place,
    website_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from target_swoogo.settings import Settings
    from target_swoogo.source import Participant, Profile, Session, Sponsor


@dataclass
class Sources:
    """One event's source records. The many are read once and in passing, so that most are let go.

    Attributes:
        sessions: The sessions.
        speakers: The people that the speakers search returned.
        sponsors: The sponsors.
        deleted: Ids of the sessions that were deleted.
        rooms: The rooms by id.
        tracks: The tracks by id.
        unreadable: What of statuses, rooms and tracks cannot be read, and the kind it concerns.
    """

    sessions: Iterable[Session | Unreadable] = ()
    speakers: Iterable[Profile | Unreadable] = ()
    sponsors: Iterable[Sponsor | Unreadable] = ()
    deleted: Collection[str] = ()
    rooms: Mapping[str, Room] = field(default_factory=dict)
    tracks: Mapping[str, Track] = field(default_factory=dict)
    unreadable: Iterable[tuple[Kind, Unreadable]] = ()


def decide(
    sources: Sources,
    zone: ZoneInfo,
    settings: Settings,
    now: datetime,
    synced: Collection[str] = (),
) -> Programme:
    """Apply every rule to one event's records.

    Args:
        sources: The event's records.
        zone: The event's time zone, which decides the calendar day.
        settings: The settings.
        now: The instant that decides what is over.
        synced: Sessionboard ids of the sessions that are in Swoogo already. The people of such a
            session still sync when it is over.

    Returns:
        What should be in Swoogo, and what should not with the reasons.
    """
    return _Rules(sources, zone, settings, now, synced).decide()


class _Rules:
    """The state of one evaluation: the sources and the programme that grows out of them."""

    def __init__(
        self,
        sources: Sources,
        zone: ZoneInfo,
        settings: Settings,
        now: datetime,
        synced: Collection[str],
    ) -> None:
        self.sources = sources
        self.zone = zone
        self.settings = settings
        self.now = now
        self.synced = synced
        self.out = Programme()
        self.seen: set[str] = set()
        self.rooms: dict[str, Room] = {}
        self.tracks: dict[str, Track] = {}
        self.people: dict[str, Profile] = {}
        self.linked: dict[str, dict[str, str]] = {}

    def decide(self) -> Programme:
        for kind, record in self.sources.unreadable:
            self._unreadable(kind, record)
        for session in self.sources.sessions:
            if isinstance(session, Unreadable):
                self._unreadable(Kind.SESSION, session)
                continue
            self._session(session)
            for child in session.subsessions or ():
                self._subsession(child, session.id)
        self._locations()
        self._tracks()
        self._speakers()
        for sponsor in self.sources.sponsors:
            if isinstance(sponsor, Unreadable):
                self._unreadable(Kind.SPONSOR, sponsor)
            else:
                self._sponsor(sponsor)
        return self.out

    # Sessions

    def _session(self, session: Session) -> None:
        if session.id in self.seen:
            # A subsession may hang on several sessions, and is one all the same.
            return
        label = label_of(session.title, session.friendly_id, session.id)
        try:
            self._accepted(session, label)
            placed, order, over = self._placed(session, label)
            on_it = {p.id: p for p in _participants(session, self.settings.roles)}
            self.out.people[session.id] = frozenset(on_it)
            if over and session.id in self.synced:
                self._link(session.id, order, on_it)
            if over:
                raise Refused(
                    "session_over",
                    f'Session "{label}" is over, and past sessions are not synced; nothing needs '
                    f"to be done (the setting sync_past_sessions would include it).",
                )
            row = self._session_row(session, label, placed, order)
        except Refused as refused:
            self._skip(Kind.SESSION, session.id, label, refused)
            return
        if placed.clamped:
            self._warn(
                Kind.SESSION,
                session.id,
                label,
                "session_clamped",
                f'Session "{label}" ends on a later day than it starts; Swoogo keeps a session on '
                f"one day, so it ends there at {END_OF_DAY} on {placed.date}. Split it in "
                f"Sessionboard if its end matters.",
            )
        self.seen.add(session.id)
        self.out.rows.append(row)
        self._link(session.id, order, on_it)

    def _subsession(self, session: Session, parent_id: str) -> None:
        label = label_of(session.title, session.friendly_id, session.id)
        if self.settings.subsessions == "skip":
            self._skip(
                Kind.SESSION,
                session.id,
                label,
                Refused(
                    "subsession",
                    f'Subsession "{label}" is not synced; set subsessions to as_sessions to sync '
                    f"subsessions as sessions of their own.",
                ),
            )
        elif session.id != parent_id:
            self._session(session)

    def _accepted(self, session: Session, label: str) -> None:
        if session.id in self.sources.deleted:
            raise Refused(
                "session_deleted",
                f'Session "{label}" was deleted in Sessionboard; nothing needs to be done here.',
            )
        if session.is_abstract:
            raise Refused(
                "session_is_submission",
                f'"{label}" is a call-for-papers submission, not a session of the programme; '
                f"promote it in Sessionboard to sync it.",
            )
        if not session.status:
            raise Refused(
                "session_without_status",
                f'Session "{label}" has no status of its own; accept it in Sessionboard.',
            )
        if session.status not in self.settings.session_statuses:
            raise Refused(
                "session_not_accepted",
                f'Session "{label}" has the status {session.status}; accept it in Sessionboard to '
                f"sync it.",
            )

    def _placed(self, session: Session, label: str) -> tuple[Placed, str, bool]:
        starts = instant(session.starts_at, label, "start")
        ends = instant(session.ends_at, label, "end")
        if ends < starts:
            raise Refused(
                "session_ends_before_start",
                f'Session "{label}" ends before it starts; correct its times in Sessionboard.',
            )
        over = ends <= self.now and not self.settings.sync_past_sessions
        if ends > self.now and not self.settings.sync_past_sessions:
            self.out.ends[session.id] = ends
        return place(starts, ends, self.zone), starts.isoformat(), over

    def _session_row(self, session: Session, label: str, placed: Placed, order: str) -> Row:
        if not line(session.title):
            raise Refused(
                "session_without_title",
                f'Session "{label}" has no title; give it one in Sessionboard.',
            )
        capacity = session.capacity
        if capacity is None and session.room is not None:
            capacity = self._room(session.room).capacity
        fields: dict[str, Value] = {
            "name": line(session.title),
            "description": self._html(session.description),
            "date": placed.date,
            "start_time": placed.start,
            "end_time": placed.end,
            "capacity": capacity_of(capacity, f'Session "{label}"'),
            "location_id": self._location_of(session),
            "track_id": self._track_of(session),
        }
        check_limits(fields, f'Session "{label}"')
        return Row(Kind.SESSION, session.id, label, fields, order)

    def _room(self, embedded: Room) -> Room:
        """The rooms stream is read afresh each run; a session may embed an older copy."""
        return self.sources.rooms.get(embedded.id, embedded)

    def _location_of(self, session: Session) -> Ref | None:
        if session.room is None or not line((room := self._room(session.room)).name):
            return None
        self.rooms[room.id] = room
        return Ref(Kind.LOCATION, room.id)

    def _track_of(self, session: Session) -> Ref | None:
        if session.track is None:
            return None
        track = self.sources.tracks.get(session.track.id, session.track)
        if not line(track.name):
            return None
        self.tracks[track.id] = track
        return Ref(Kind.TRACK, track.id)

    def _link(self, session_id: str, order: str, on_it: Mapping[str, Participant]) -> None:
        for person_id, person in on_it.items():
            self.people.setdefault(person_id, person)
            self.linked.setdefault(person_id, {})[session_id] = order

    # Choices

    def _locations(self) -> None:
        for room_id, room in self.rooms.items():
            label = line(room.name) or room_id
            try:
                fields: dict[str, Value] = {
                    "name": label,
                    "capacity": capacity_of(room.capacity, f'Room "{label}"'),
                }
                check_limits(fields, f'Room "{label}"')
            except Refused as refused:
                self._skip(Kind.LOCATION, room_id, label, refused)
                continue
            self.out.rows.append(Row(Kind.LOCATION, room_id, label, fields))

    def _tracks(self) -> None:
        for track_id, track in self.tracks.items():
            label = line(track.name) or track_id
            fields: dict[str, Value] = {"name": label}
            try:
                check_limits(fields, f'Track "{label}"')
            except Refused as refused:
                self._skip(Kind.TRACK, track_id, label, refused)
                continue
            self.out.rows.append(Row(Kind.TRACK, track_id, label, fields))

    # Speakers

    def _speakers(self) -> None:
        everybody = self.settings.speakers == "all"
        for profile in self.sources.speakers:
            if isinstance(profile, Unreadable):
                self._unreadable(Kind.SPEAKER, profile)
                self.people.pop(profile.record_id, None)
            elif everybody or profile.id in self.linked:
                self.people[profile.id] = profile
            else:
                label = person_label(profile)
                self._skip(
                    Kind.SPEAKER,
                    profile.id,
                    label,
                    Refused(
                        "speaker_not_on_session",
                        f"{label} is on no session that syncs; accept and schedule one of their "
                        f"sessions, or set speakers to all.",
                    ),
                )
        rows: list[tuple[Profile, Row]] = []
        for person_id, person in self.people.items():
            try:
                rows.append((person, self._speaker_row(person_id, person)))
            except Refused as refused:
                self._skip(Kind.SPEAKER, person_id, person_label(person), refused)
        self._one_per_email(rows)

    def _speaker_row(self, person_id: str, person: Profile) -> Row:
        label = person_label(person)
        if not line(person.first_name):
            raise missing("speaker_without_first_name", label, "first name")
        if not line(person.last_name):
            raise missing("speaker_without_last_name", label, "last name")
        fields: dict[str, Value] = {
            "email": email_of(person, label),
            "first_name": line(person.first_name),
            "last_name": line(person.last_name),
            "job_title": line(person.title),
            "company": line(person.company_name),
            "bio": self._html(person.about),
        }
        check_limits(fields, label)
        sessions = self.linked.get(person_id, {})
        return Row(
            Kind.SPEAKER,
            person_id,
            label,
            fields,
            min(sessions.values(), default="~"),
            picture_of(person.photo_url, person.updated_at),
            tuple(sorted(sessions)),
        )

    def _one_per_email(self, rows: Iterable[tuple[Profile, Row]]) -> None:
        """Of several people with one address the oldest contact keeps it; none are merged."""
        owners: dict[Value, Row] = {}
        for _, row in sorted(rows, key=lambda pair: (pair[0].created_at or "", pair[0].id)):
            email = row.fields["email"]
            owner = owners.setdefault(str(email).casefold(), row)
            if owner is row:
                self.out.rows.append(row)
                continue
            self._skip(
                Kind.SPEAKER,
                row.source_id,
                row.label,
                Refused(
                    "speaker_email_shared",
                    f"{row.label} and {owner.label} share one e-mail address, by which Swoogo "
                    f"knows a speaker; only {owner.label} is synced. Give {row.label} an address "
                    f"of their own, or merge the two contacts in Sessionboard.",
                ),
            )

    # Sponsors

    def _sponsor(self, sponsor: Sponsor) -> None:
        label = label_of(sponsor.name, sponsor.friendly_id, sponsor.id)
        try:
            if not line(sponsor.name):
                raise Refused(
                    "sponsor_without_name",
                    f"Sponsor {label} has no name; give it one in Sessionboard.",
                )
            fields: dict[str, Value] = {
                "name": line(sponsor.name),
                "description": self._html(sponsor.description),
                "website": self._website(sponsor, label),
            }
            tier = self._tier(sponsor)
            fields["level"] = Choice(tier) if tier else None
            check_limits(fields, f'Sponsor "{label}"')
        except Refused as refused:
            self._skip(Kind.SPONSOR, sponsor.id, label, refused)
            return
        picture = picture_of(sponsor.logo_image_url, sponsor.updated_at)
        self.out.rows.append(Row(Kind.SPONSOR, sponsor.id, label, fields, "~", picture))

    def _tier(self, sponsor: Sponsor) -> str | None:
        wanted = self.settings.sponsor_tier_field.casefold()
        for custom in sponsor.custom_fields or ():
            if wanted in {(custom.name or "").casefold(), (custom.internal_name or "").casefold()}:
                value = custom.value
                if isinstance(value, list):
                    value = value[0] if len(value) == 1 else None
                return line(value) if isinstance(value, str) else None
        return None

    def _website(self, sponsor: Sponsor, label: str) -> str | None:
        try:
            return website_of(sponsor.website_url)
        except ValueError:
            self._warn(
                Kind.SPONSOR,
                sponsor.id,
                label,
                "sponsor_website_unsafe",
                f'The website of sponsor "{label}" is not a web address and was left out; correct '
                f"it in Sessionboard.",
            )
            return None

    # Shared

    def _html(self, text: str | None) -> str | None:
        if text is None:
            return None
        cleaned = sanitize(text) if self.settings.sanitize_html else clean_text(text)
        return cleaned.strip() or None

    def _skip(self, kind: Kind, source_id: str, label: str, refused: Refused) -> None:
        self.out.skips.append(Note(kind.value, source_id, label, refused.code, str(refused)))

    def _warn(self, kind: Kind, source_id: str, label: str, code: str, message: str) -> None:
        self.out.warnings.append(Note(kind.value, source_id, label, code, message))

    def _unreadable(self, kind: Kind, record: Unreadable) -> None:
        self.out.skips.append(
            Note(
                kind.value,
                record.record_id,
                record.record_id,
                "record_unreadable",
                f"The {kind.value} with id {record.record_id} does not have the shape of a "
                f"Sessionboard record ({record.why}); report this with the id.",
            )
        )


def _participants(session: Session, roles: Collection[str]) -> Iterable[Participant]:
    """`participants` is the list to prefer; the three by role are what older answers carry."""
    if session.participants:
        for person in session.participants:
            role = person.participant_role
            if ((role and role.core_role) or "speaker") in roles:
                yield person
        return
    for role_name, people in (
        ("speaker", session.speakers),
        ("chairperson", session.chairpersons),
        ("moderator", session.moderators),
    ):
        if role_name in roles:
            yield from people or ()
