"""The rules of Sessionboard's Swoogo article, one by one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from target_swoogo.model import Choice, Kind, Programme, Ref
from target_swoogo.rules import Sources, decide
from target_swoogo.source import (
    CustomField,
    Participant,
    Profile,
    Role,
    Room,
    Session,
    Sponsor,
    Track,
    Unreadable,
)
from target_swoogo.values import place

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_swoogo.settings import Settings

    MakeSettings = Callable[..., Settings]

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2027, 3, 1, 12, tzinfo=timezone.utc)


def a_session(session_id: str = "s1", **changes: Any) -> Session:
    values: dict[str, Any] = {
        "id": session_id,
        "title": "Opening",
        "status": "accepted",
        "is_abstract": False,
        "starts_at": "2027-03-10T14:00:00.000Z",
        "ends_at": "2027-03-10T15:00:00.000+00:00",
    }
    return Session(**values | changes)


def a_person(person_id: str = "p1", **changes: Any) -> Participant:
    values: dict[str, Any] = {
        "id": person_id,
        "first_name": "Ada",
        "last_name": f"Byron {person_id}",
        "email": f"{person_id}@example.org",
    }
    return Participant(**values | changes)


def decided(settings: Settings, *, synced: tuple[str, ...] = (), **records: list[Any]) -> Programme:
    by_id = {
        stream: {record.id: record for record in records.pop(stream, [])}
        for stream in ("rooms", "tracks")
    }
    sources = Sources(**records, **by_id)
    return decide(sources, ZONE, settings, NOW, synced)


def codes(programme: Programme) -> list[str]:
    return [note.code for note in programme.skips]


def row(programme: Programme, kind: Kind) -> Any:
    (found,) = [row for row in programme.rows if row.kind is kind]
    return found


def test_a_session_becomes_its_swoogo_fields(settings: MakeSettings) -> None:
    session = a_session(
        title=" Opening \n keynote ",
        description="<p>Hi<script>alert(1)</script></p>",
        room=Room(id="r1", name="Main Hall", capacity=300),
        track=Track(id="t1", name="Plenary"),
    )
    programme = decided(settings(), sessions=[session])
    assert row(programme, Kind.SESSION).fields == {
        "name": "Opening keynote",
        "description": "<p>Hi</p>",
        "date": "2027-03-10",
        "start_time": "09:00:00",
        "end_time": "10:00:00",
        "capacity": 300,
        "location_id": Ref(Kind.LOCATION, "r1"),
        "track_id": Ref(Kind.TRACK, "t1"),
    }
    assert row(programme, Kind.LOCATION).fields == {"name": "Main Hall", "capacity": 300}
    assert row(programme, Kind.TRACK).fields == {"name": "Plenary"}
    assert programme.skips == []


def test_the_sessions_own_capacity_wins_over_its_rooms(settings: MakeSettings) -> None:
    session = a_session(capacity=20, room=Room(id="r1", name="Hall", capacity=300))
    programme = decided(settings(), sessions=[session])
    assert row(programme, Kind.SESSION).fields["capacity"] == 20


def test_the_rooms_stream_knows_better_than_a_sessions_copy(settings: MakeSettings) -> None:
    session = a_session(room=Room(id="r1", name="Old name", capacity=1))
    renamed = Room(id="r1", name="New name", capacity=2)
    programme = decided(settings(), sessions=[session], rooms=[renamed])
    assert row(programme, Kind.LOCATION).fields == {"name": "New name", "capacity": 2}
    assert row(programme, Kind.SESSION).fields["capacity"] == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "pending"}, "session_not_accepted"),
        ({"status": None}, "session_without_status"),
        ({"is_abstract": True}, "session_is_submission"),
        ({"starts_at": None}, "session_undated"),
        ({"ends_at": ""}, "session_undated"),
        ({"starts_at": "next Tuesday"}, "session_time_unreadable"),
        ({"ends_at": "2027-03-10T13:00:00Z"}, "session_ends_before_start"),
        ({"title": " "}, "session_without_title"),
        ({"title": "x" * 256}, "text_too_long"),
        ({"capacity": -1}, "capacity_negative"),
        (
            {"starts_at": "2027-02-01T10:00:00Z", "ends_at": "2027-02-01T11:00:00Z"},
            "session_over",
        ),
    ],
)
def test_a_session_is_refused_with_a_reason(
    settings: MakeSettings, changes: dict[str, Any], code: str
) -> None:
    programme = decided(settings(), sessions=[a_session(friendly_id="SESS-7", **changes)])
    assert programme.rows == []
    (note,) = programme.skips
    assert note.code == code
    assert note.label in note.message
    assert note.message.endswith(".")


def test_a_long_description_is_refused_with_the_limit(settings: MakeSettings) -> None:
    programme = decided(settings(), sessions=[a_session(description="x" * 65_536)])
    assert "65,536 characters, and Swoogo takes at most 65,535" in programme.skips[0].message


def test_a_session_that_is_running_still_syncs(settings: MakeSettings) -> None:
    ends = (NOW + timedelta(minutes=1)).isoformat()
    session = a_session(starts_at=(NOW - timedelta(hours=1)).isoformat(), ends_at=ends)
    assert codes(decided(settings(), sessions=[session])) == []


def test_past_sessions_sync_when_asked_for(settings: MakeSettings) -> None:
    past = a_session(starts_at="2027-02-01T10:00:00Z", ends_at="2027-02-01T11:00:00Z")
    assert codes(decided(settings(sync_past_sessions=True), sessions=[past])) == []


def test_the_rules_say_when_a_session_will_be_over(settings: MakeSettings) -> None:
    over = a_session("over", starts_at="2027-02-01T10:00:00Z", ends_at="2027-02-01T11:00:00Z")
    late = a_session("late", ends_at="2027-03-11T02:00:00Z")
    pending = a_session("pending", status="pending", ends_at="2027-03-10T14:30:00Z")
    programme = decided(settings(), sessions=[late, over, pending, a_session()])
    assert programme.ends == {
        "late": datetime(2027, 3, 11, 2, tzinfo=timezone.utc),
        a_session().id: datetime(2027, 3, 10, 15, tzinfo=timezone.utc),
    }
    assert decided(settings(sync_past_sessions=True), sessions=[late]).ends == {}


def test_a_deleted_session_is_not_wanted(settings: MakeSettings) -> None:
    assert codes(decided(settings(), sessions=[a_session()], deleted=["s1"])) == ["session_deleted"]


def test_other_statuses_sync_when_asked_for(settings: MakeSettings) -> None:
    chosen = settings(session_statuses=["accepted", "accept_queue"])
    assert codes(decided(chosen, sessions=[a_session(status="accept_queue")])) == []


def test_a_session_over_midnight_is_clamped_to_its_start_day(settings: MakeSettings) -> None:
    # 22:00 to 01:30 in New York
    session = a_session(starts_at="2027-03-11T03:00:00Z", ends_at="2027-03-11T06:30:00Z")
    programme = decided(settings(), sessions=[session])
    fields = row(programme, Kind.SESSION).fields
    assert (fields["date"], fields["start_time"], fields["end_time"]) == (
        "2027-03-10",
        "22:00:00",
        "23:59:59",
    )
    assert [note.code for note in programme.warnings] == ["session_clamped"]


@pytest.mark.parametrize(
    ("zone", "starts", "ends", "expected"),
    [
        # The night the clocks go forward: 01:30 to 03:30 is one hour.
        ("America/New_York", "2027-03-14T06:30", "2027-03-14T07:30", ("01:30:00", "03:30:00")),
        # The night they go back: 01:30 to 01:15, an hour and a half later by the sun.
        ("America/New_York", "2027-11-07T05:30", "2027-11-07T06:15", ("01:30:00", "01:30:00")),
        ("Pacific/Kiritimati", "2027-06-01T09:00", "2027-06-01T10:00", ("23:00:00", "23:59:59")),
        ("Etc/GMT+12", "2027-06-01T09:00", "2027-06-01T10:00", ("21:00:00", "22:00:00")),
        ("US/Eastern", "2027-06-01T13:00", "2027-06-01T14:00", ("09:00:00", "10:00:00")),
    ],
)
def test_placing_keeps_the_wall_clock(
    zone: str, starts: str, ends: str, expected: tuple[str, str]
) -> None:
    placed = place(
        datetime.fromisoformat(f"{starts}+00:00"),
        datetime.fromisoformat(f"{ends}+00:00"),
        ZoneInfo(zone),
    )
    assert (placed.start, placed.end) == expected


def test_subsessions_are_skipped_unless_asked_for(settings: MakeSettings) -> None:
    parent = a_session(subsessions=[a_session("s2", title="Part", status="accepted")])
    assert codes(decided(settings(), sessions=[parent])) == ["subsession"]
    programme = decided(settings(subsessions="as_sessions"), sessions=[parent])
    assert [row.source_id for row in programme.rows] == ["s1", "s2"]


def test_a_refused_copy_of_a_session_does_not_hide_the_accepted_one(
    settings: MakeSettings,
) -> None:
    parent = a_session("s0", subsessions=[a_session("s2", status=None)])
    chosen = settings(subsessions="as_sessions")
    programme = decided(chosen, sessions=[parent, a_session("s2", title="Part")])
    assert [row.source_id for row in programme.rows] == ["s0", "s2"]


def test_a_subsession_on_two_sessions_is_one(settings: MakeSettings) -> None:
    parents = [a_session(s, subsessions=[a_session("s2", title="Part")]) for s in ("s0", "s1")]
    programme = decided(settings(subsessions="as_sessions"), sessions=parents)
    assert [row.source_id for row in programme.rows] == ["s0", "s2", "s1"]


def test_a_subsession_does_not_inherit_its_parents_status(settings: MakeSettings) -> None:
    parent = a_session(subsessions=[a_session("s2", title="Part", status=None)])
    chosen = settings(subsessions="as_sessions")
    assert codes(decided(chosen, sessions=[parent])) == ["session_without_status"]


def test_people_on_a_synced_session_become_speakers(settings: MakeSettings) -> None:
    session = a_session(participants=[a_person(), a_person("p2")])
    fresh = Profile(
        id="p1",
        first_name="Ada",
        last_name="Lovelace",
        email="ada@example.org",
        title="Countess",
        company_name="Analytical",
        about="<b>Mathematician</b>",
        photo_url="https://images.test/ada.jpg",
        updated_at="2027-02-01T00:00:00Z",
    )
    programme = decided(settings(), sessions=[session], speakers=[fresh])
    first, second = (row for row in programme.rows if row.kind is Kind.SPEAKER)
    assert first.fields == {
        "email": "ada@example.org",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "job_title": "Countess",
        "company": "Analytical",
        "bio": "<b>Mathematician</b>",
    }
    assert first.sessions == ("s1",)
    assert first.picture is not None
    assert first.picture.url == "https://images.test/ada.jpg"
    assert second.source_id == "p2", "a participant who is not in the speakers stream"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"first_name": None}, "speaker_without_first_name"),
        ({"last_name": " "}, "speaker_without_last_name"),
        ({"email": None}, "speaker_without_email"),
        ({"email": "j***@e***.org"}, "speaker_email_masked"),
        ({"email": "ada at example.org"}, "speaker_email_invalid"),
        ({"email": "ada@example.org, b@example.org"}, "speaker_email_invalid"),
        ({"company_name": "x" * 300}, "text_too_long"),
    ],
)
def test_a_speaker_is_refused_with_a_reason(
    settings: MakeSettings, changes: dict[str, Any], code: str
) -> None:
    session = a_session(participants=[a_person(friendly_id="CON-9", **changes)])
    programme = decided(settings(), sessions=[session])
    assert [row.kind for row in programme.rows] == [Kind.SESSION]
    (note,) = programme.skips
    assert note.code == code
    assert note.label in note.message
    assert "@" not in note.message.replace("e-mail", "")


def test_people_on_no_synced_session_are_left_out(settings: MakeSettings) -> None:
    pending = a_session(status="pending", participants=[a_person()])
    programme = decided(settings(), sessions=[pending], speakers=[a_person()])
    assert sorted(codes(programme)) == ["session_not_accepted", "speaker_not_on_session"]


def test_everybody_syncs_when_asked_for(settings: MakeSettings) -> None:
    programme = decided(settings(speakers="all"), speakers=[a_person()])
    assert row(programme, Kind.SPEAKER).sessions == ()


def test_two_people_with_one_address_are_reported_not_merged(settings: MakeSettings) -> None:
    people = [
        a_person("p2", email="Office@example.org", created_at="2027-01-02T00:00:00Z"),
        a_person("p1", email="office@example.org", created_at="2027-01-01T00:00:00Z"),
    ]
    programme = decided(settings(), sessions=[a_session(participants=people)])
    assert row(programme, Kind.SPEAKER).source_id == "p1", "the older contact keeps it"
    (note,) = programme.skips
    assert note.code == "speaker_email_shared"
    assert "Ada Byron p1" in note.message
    assert "Ada Byron p2" in note.message


def test_roles_decide_who_is_a_speaker(settings: MakeSettings) -> None:
    chair = a_person("p1", participant_role=Role(core_role="chairperson"))
    speaker = a_person("p2", participant_role=Role(core_role="speaker"))
    session = a_session(participants=[chair, speaker])
    everybody = decided(settings(), sessions=[session])
    assert [r.source_id for r in everybody.rows if r.kind is Kind.SPEAKER] == ["p1", "p2"]
    only = decided(settings(roles=["speaker"]), sessions=[session])
    assert row(only, Kind.SPEAKER).source_id == "p2"


def test_the_older_lists_by_role_are_the_fallback(settings: MakeSettings) -> None:
    session = a_session(
        participants=[],
        speakers=[a_person("p1")],
        chairpersons=[a_person("p2")],
        moderators=[a_person("p3")],
    )
    programme = decided(settings(roles=["speaker", "moderator"]), sessions=[session])
    assert [r.source_id for r in programme.rows if r.kind is Kind.SPEAKER] == ["p1", "p3"]


def test_people_of_a_synced_session_still_sync_when_it_is_over(settings: MakeSettings) -> None:
    past = a_session(
        starts_at="2027-02-01T10:00:00Z",
        ends_at="2027-02-01T11:00:00Z",
        participants=[a_person()],
    )
    never = decided(settings(), sessions=[past])
    assert [r.kind for r in never.rows] == []
    before = decided(settings(), sessions=[past], synced=("s1",))
    assert row(before, Kind.SPEAKER).sessions == ("s1",)


def test_a_sponsor_becomes_its_swoogo_fields(settings: MakeSettings) -> None:
    sponsor = Sponsor(
        id="x1",
        name="Acme",
        description="Anvils",
        website_url="https://acme.test",
        logo_image_url="https://images.test/acme.png",
        custom_fields=[CustomField(name="Tier", value="Gold")],
    )
    programme = decided(settings(), sponsors=[sponsor])
    found = row(programme, Kind.SPONSOR)
    assert found.fields == {
        "name": "Acme",
        "description": "Anvils",
        "website": "https://acme.test",
        "level": Choice("Gold"),
    }
    assert found.sessions == ()


@pytest.mark.parametrize("value", [None, "", 7, {"a": 1}, ["Gold", "Silver"]])
def test_a_tier_that_is_no_name_is_no_tier(settings: MakeSettings, value: object) -> None:
    sponsor = Sponsor(id="x1", name="Acme", custom_fields=[CustomField(name="Tier", value=value)])
    assert row(decided(settings(), sponsors=[sponsor]), Kind.SPONSOR).fields["level"] is None


def test_the_tier_field_is_found_by_its_configured_name(settings: MakeSettings) -> None:
    fields = [CustomField(name="Tier", value="No"), CustomField(name="Package", value=["Yes"])]
    sponsor = Sponsor(id="x1", name="Acme", custom_fields=fields)
    chosen = settings(sponsor_tier_field="package")
    assert row(decided(chosen, sponsors=[sponsor]), Kind.SPONSOR).fields["level"] == Choice("Yes")


def test_a_sponsor_needs_a_name(settings: MakeSettings) -> None:
    programme = decided(settings(), sponsors=[Sponsor(id="x1", friendly_id="SPON-4")])
    assert codes(programme) == ["sponsor_without_name"]
    assert "SPON-4" in programme.skips[0].message


def test_a_website_that_is_no_web_address_is_left_out(settings: MakeSettings) -> None:
    sponsor = Sponsor(id="x1", name="Acme", website_url="javascript:alert(1)")
    programme = decided(settings(), sponsors=[sponsor])
    assert row(programme, Kind.SPONSOR).fields["website"] is None
    assert [note.code for note in programme.warnings] == ["sponsor_website_unsafe"]


@pytest.mark.parametrize("address", ["www.acme.test", "acme.test:8080/x", "HTTP://acme.test"])
def test_a_website_without_scheme_is_kept(settings: MakeSettings, address: str) -> None:
    programme = decided(settings(), sponsors=[Sponsor(id="x1", name="A", website_url=address)])
    assert row(programme, Kind.SPONSOR).fields["website"] == address


def test_an_unreadable_record_is_refused_and_the_others_sync(settings: MakeSettings) -> None:
    sources = Sources(
        sessions=[Unreadable("s0", "Expected `str`"), a_session()],
        speakers=[Unreadable("p1", "Expected `str`")],
        sponsors=[Unreadable("x1", "Expected `str`")],
        unreadable=[(Kind.LOCATION, Unreadable("r1", "Expected `str`"))],
    )
    programme = decide(sources, ZONE, settings(), NOW)
    assert codes(programme) == ["record_unreadable"] * 4
    assert row(programme, Kind.SESSION).source_id == "s1"
