"""The plan: what separates Swoogo from what it should have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.actions import Applied, Change, Observed, Plan, Verb
from target_swoogo.model import (
    Choice,
    Found,
    Intent,
    Key,
    Kind,
    Mapped,
    Note,
    Picture,
    Programme,
    Ref,
    Row,
    State,
    Uploaded,
)
from target_swoogo.plan import make_plan, to_find

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_swoogo.settings import Settings

    MakeSettings = Callable[..., Settings]

NOW = 1_800_000_000.0


def a_row(kind: Kind, source_id: str, *, sessions: tuple[str, ...] = (), **fields: Any) -> Row:
    return Row(kind, source_id, source_id.upper(), fields, "2027", None, sessions)


def entry(kind: Kind, source_id: str, swoogo_id: int | None = 7, **applied: Any) -> Mapped:
    return Mapped(kind, source_id, source_id.upper(), swoogo_id, applied, State.SYNCED)


def planned(
    settings: Settings,
    rows: list[Row],
    *entries: Mapped,
    links: dict[tuple[str, str], bool] | None = None,
    images: dict[Key, Uploaded] | None = None,
    intents: dict[Key, Intent] | None = None,
    matches: dict[Key, list[Found]] | None = None,
    levels: dict[str, list[int]] | None = None,
    **programme: Any,
) -> Plan:
    applied = Applied({e.key: e for e in entries}, links or {}, images or {}, intents or {})
    observed = Observed(levels, matches or {})
    return make_plan(Programme(rows, **programme), applied, observed, settings, NOW)


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(action.verb.value, action.row.source_id) for action in plan.actions]


def test_what_swoogo_does_not_have_is_created(settings: MakeSettings) -> None:
    plan = planned(settings(), [a_row(Kind.SESSION, "s1", name="A", capacity=None)])
    (action,) = plan.actions
    assert action.verb is Verb.CREATE
    assert action.changes == {"name": Change(None, "A"), "capacity": Change(None, None)}
    assert plan.cost == 1


def test_nothing_to_do_costs_nothing(settings: MakeSettings) -> None:
    row = a_row(Kind.SESSION, "s1", name="A", capacity=None)
    plan = planned(settings(), [row], entry(Kind.SESSION, "s1", name="A", capacity=None))
    assert plan.actions == []
    assert plan.unchanged == [row]
    assert plan.cost == 0


def test_only_changed_fields_are_sent(settings: MakeSettings) -> None:
    row = a_row(Kind.SESSION, "s1", name="B", description="x")
    plan = planned(settings(), [row], entry(Kind.SESSION, "s1", name="A", description="x"))
    assert plan.actions[0].changes == {"name": Change("A", "B")}


def test_create_only_fields_are_not_overwritten(settings: MakeSettings) -> None:
    chosen = settings(create_only_fields=["session.description"])
    row = a_row(Kind.SESSION, "s1", name="A", description="new")
    plan = planned(chosen, [row], entry(Kind.SESSION, "s1", name="A", description="old"))
    assert plan.actions == []
    assert steps(planned(chosen, [row])) == [("create", "s1")]


def test_choices_come_first_and_the_soonest_session_before_the_others(
    settings: MakeSettings,
) -> None:
    rows = [
        Row(Kind.SESSION, "late", "L", {"location_id": Ref(Kind.LOCATION, "r1")}, "2027-03-02"),
        Row(Kind.SPEAKER, "p1", "P", {}, "2027-03-01", None, ("soon", "late")),
        Row(Kind.SESSION, "soon", "S", {}, "2027-03-01"),
        Row(Kind.LOCATION, "r1", "R", {"name": "Hall"}),
    ]
    plan = planned(settings(), rows)
    assert steps(plan) == [
        ("create", "r1"),
        ("create", "soon"),
        ("create", "p1"),
        ("create", "late"),
        ("link", "p1"),
    ]
    assert plan.actions[3].changes["location_id"].new == Ref(Kind.LOCATION, "r1")


def test_a_reference_is_compared_by_its_swoogo_id(settings: MakeSettings) -> None:
    rows = [
        a_row(Kind.LOCATION, "r1", name="Hall"),
        a_row(Kind.SESSION, "s1", location_id=Ref(Kind.LOCATION, "r1")),
    ]
    room = entry(Kind.LOCATION, "r1", 55, name="Hall")
    same = planned(settings(), rows, room, entry(Kind.SESSION, "s1", location_id=55))
    assert same.actions == []
    moved = planned(settings(), rows, room, entry(Kind.SESSION, "s1", location_id=54))
    assert moved.actions[0].changes == {"location_id": Change(54, 55)}


def test_a_room_deleted_in_swoogo_leaves_the_session_alone_and_says_so(
    settings: MakeSettings,
) -> None:
    rows = [
        a_row(Kind.LOCATION, "r1", name="Hall"),
        a_row(Kind.SESSION, "s1", location_id=Ref(Kind.LOCATION, "r1")),
    ]
    gone = entry(Kind.LOCATION, "r1", 55, name="Hall")
    gone.state = State.TOMBSTONE
    plan = planned(settings(), rows, gone, entry(Kind.SESSION, "s1", location_id=55))
    assert plan.actions == []
    assert [note.code for note in plan.skips] == ["deleted_in_swoogo"]
    assert [note.code for note in plan.warnings] == ["choice_missing"]


def test_a_renamed_room_is_one_update(settings: MakeSettings) -> None:
    rows = [
        a_row(Kind.LOCATION, "r1", name="New"),
        a_row(Kind.SESSION, "s1", location_id=Ref(Kind.LOCATION, "r1")),
    ]
    plan = planned(
        settings(),
        rows,
        entry(Kind.LOCATION, "r1", 55, name="Old"),
        entry(Kind.SESSION, "s1", location_id=55),
    )
    assert steps(plan) == [("update", "r1")]


def test_a_tombstone_is_never_sent_again(settings: MakeSettings) -> None:
    gone = entry(Kind.SESSION, "s1", name="A")
    gone.state = State.TOMBSTONE
    speaker = entry(Kind.SPEAKER, "p1", 8)
    rows = [
        a_row(Kind.SESSION, "s1", name="B"),
        a_row(Kind.SPEAKER, "p1", sessions=("s1",)),
    ]
    plan = planned(settings(), rows, gone, speaker)
    assert plan.actions == []
    assert "target-swoogo:restore session s1" in plan.skips[0].message


def found(swoogo_id: int, **fields: Any) -> Found:
    return Found(swoogo_id, fields, fields)


def test_one_match_is_adopted_and_corrected(settings: MakeSettings) -> None:
    row = a_row(Kind.SPONSOR, "x1", name="Acme", website="https://acme.test", description=None)
    match = found(9, name="ACME", website=None, description="by hand")
    plan = planned(settings(), [row], matches={row.key: [match]})
    (action,) = plan.actions
    assert action.verb is Verb.ADOPT
    assert action.found is match
    assert action.changes == {
        "name": Change("ACME", "Acme"),
        "website": Change(None, "https://acme.test"),
    }, "what Sessionboard does not have stays as somebody wrote it"


def test_an_adoption_without_differences_makes_no_call(settings: MakeSettings) -> None:
    row = a_row(Kind.TRACK, "t1", name="Web")
    plan = planned(settings(), [row], matches={row.key: [found(9, name="Web")]})
    assert (steps(plan), plan.cost) == ([("adopt", "t1")], 0)


def test_several_matches_are_refused_and_listed(settings: MakeSettings) -> None:
    row = a_row(Kind.SPONSOR, "x1", name="Acme")
    both = [found(9, name="Acme"), found(10, name="Acme")]
    plan = planned(settings(), [row], matches={row.key: both})
    assert plan.actions == []
    assert plan.skips[0].code == "ambiguous"
    assert "ids 9, 10" in plan.skips[0].message


def test_the_only_match_that_agrees_in_everything_is_adopted(settings: MakeSettings) -> None:
    row = a_row(Kind.SESSION, "s1", name="Lunch", capacity=50)
    both = [found(9, name="Lunch", capacity=20), found(10, name="Lunch", capacity=50)]
    plan = planned(settings(), [row], matches={row.key: both})
    assert plan.actions[0].found is both[1]


def test_a_record_is_adopted_by_one_row_only(settings: MakeSettings) -> None:
    rows = [a_row(Kind.SESSION, "s1", name="Lunch"), a_row(Kind.SESSION, "s2", name="Lunch")]
    one = [found(9, name="Lunch")]
    plan = planned(settings(), rows, matches={rows[0].key: one, rows[1].key: one})
    assert steps(plan) == [("adopt", "s1"), ("create", "s2")]


def test_a_mapped_record_is_no_match_for_another_row(settings: MakeSettings) -> None:
    rows = [a_row(Kind.SESSION, "s1", name="Lunch"), a_row(Kind.SESSION, "s2", name="Lunch")]
    plan = planned(
        settings(),
        rows,
        entry(Kind.SESSION, "s1", 9, name="Lunch"),
        matches={rows[1].key: [found(9, name="Lunch")]},
    )
    assert steps(plan) == [("create", "s2")]


def test_a_young_intent_waits_an_old_one_is_repeated(settings: MakeSettings) -> None:
    row = a_row(Kind.SESSION, "s1", name="A")
    young = planned(settings(), [row], intents={row.key: Intent({"name": "A"}, NOW - 119)})
    assert young.actions == []
    assert [note.code for note in young.waiting] == ["outcome_unknown"]
    old = planned(settings(), [row], intents={row.key: Intent({"name": "A"}, NOW - 121)})
    assert steps(old) == [("create", "s1")]


def test_an_intent_is_recognised_by_the_values_that_were_sent(settings: MakeSettings) -> None:
    row = a_row(Kind.SESSION, "s1", name="New title", capacity=5)
    by_hand, ours = found(9, name="Old", capacity=1), found(10, name="Old", capacity=5)
    plan = planned(
        settings(),
        [row],
        intents={row.key: Intent({"name": "Old", "capacity": 5}, NOW)},
        matches={row.key: [by_hand, ours]},
    )
    assert plan.actions[0].found is ours
    assert plan.actions[0].changes == {"name": Change("Old", "New title")}


def test_what_must_be_looked_for(settings: MakeSettings) -> None:
    rows = [a_row(Kind.SESSION, source_id) for source_id in ("known", "new", "begun")]
    applied = Applied(
        {(Kind.SESSION, "known"): entry(Kind.SESSION, "known")},
        {},
        {},
        {(Kind.SESSION, "begun"): Intent({}, NOW)},
    )
    every = to_find(Programme(rows), applied, settings())
    assert [row.source_id for row in every] == ["new", "begun"]
    begun = to_find(Programme(rows), applied, settings(match_existing=False))
    assert [row.source_id for row in begun] == ["begun"]


def test_links_are_one_action_per_speaker_and_only_for_what_is_missing(
    settings: MakeSettings,
) -> None:
    rows = [
        a_row(Kind.SESSION, "s1"),
        a_row(Kind.SESSION, "s2"),
        a_row(Kind.SESSION, "s3"),
        a_row(Kind.SPEAKER, "p1", sessions=("s1", "s2", "s3")),
    ]
    entries = [entry(Kind.SESSION, "s1"), entry(Kind.SESSION, "s2"), entry(Kind.SPEAKER, "p1")]
    plan = planned(settings(), rows, *entries, links={("p1", "s1"): True})
    assert steps(plan) == [("create", "s3"), ("link", "p1")]
    assert plan.actions[1].sessions == ("s2", "s3")


@pytest.mark.parametrize(
    ("sent", "needed"),
    [
        (None, True),
        (Uploaded("u", "v", None, "abc"), False),
        (Uploaded("other", "v", None, "abc"), True),
        (Uploaded("u", "older", None, "abc"), True),
        (Uploaded("u", "v", None, None, "image_corrupt", "…"), True),
        (Uploaded("u", "v", None, "abc", "image_unreachable", "…"), True),
    ],
)
def test_an_image_is_looked_at_when_it_may_have_changed(
    settings: MakeSettings, sent: Uploaded | None, *, needed: bool
) -> None:
    row = Row(Kind.SPONSOR, "x1", "X", {}, "", Picture("u", "v"))
    images = {row.key: sent} if sent else {}
    plan = planned(settings(), [row], entry(Kind.SPONSOR, "x1"), images=images)
    assert steps(plan) == ([("image", "x1")] if needed else [])


@pytest.mark.parametrize(
    ("levels", "changes", "codes"),
    [
        ({"gold": [3]}, {"level": Change(None, 3)}, []),
        ({"gold": [3, 4]}, {}, ["sponsor_level_ambiguous"]),
        ({}, {}, ["sponsor_level_unknown"]),
        (None, {}, []),
    ],
)
def test_a_tier_becomes_a_level(
    settings: MakeSettings,
    levels: dict[str, list[int]] | None,
    changes: dict[str, Change],
    codes: list[str],
) -> None:
    row = a_row(Kind.SPONSOR, "x1", level=Choice(" GOLD"))
    plan = planned(settings(), [row], entry(Kind.SPONSOR, "x1", level=None), levels=levels)
    assert [a.changes for a in plan.actions] == ([changes] if changes else [])
    assert [note.code for note in plan.warnings] == codes


def test_what_no_longer_belongs_is_listed_never_removed(settings: MakeSettings) -> None:
    unaccepted = entry(Kind.SESSION, "s1", 7)
    unaccepted.direct_link = "https://swoogo.test/s/7"
    over = entry(Kind.SESSION, "s2", 8)
    plan = planned(
        settings(),
        [],
        unaccepted,
        over,
        skips=[
            Note("session", "s1", "S1", "session_not_accepted", "…"),
            Note("session", "s2", "S2", "session_over", "…"),
        ],
    )
    assert plan.actions == []
    (note,) = plan.warnings
    assert (note.code, note.source_id) == ("still_in_swoogo", "s1")
    assert "https://swoogo.test/s/7" in note.message


def test_a_removed_speaker_is_reported_with_the_session(settings: MakeSettings) -> None:
    rows = [a_row(Kind.SESSION, "s1"), a_row(Kind.SPEAKER, "p1"), a_row(Kind.SPEAKER, "p2")]
    entries = [entry(r.kind, r.source_id, n) for n, r in enumerate(rows)]
    plan = planned(
        settings(),
        rows,
        *entries,
        links={("p1", "s1"): True, ("p2", "s1"): True},
        people={"s1": frozenset({"p2"})},
    )
    assert [(n.code, n.source_id) for n in plan.warnings] == [("still_linked", "p1")]


def test_a_removed_speaker_is_unlinked_when_asked_for(settings: MakeSettings) -> None:
    rows = [a_row(Kind.SESSION, "s1"), a_row(Kind.SESSION, "s2")]
    entries = [
        entry(Kind.SESSION, "s1", 1),
        entry(Kind.SESSION, "s2", 2),
        entry(Kind.SPEAKER, "p1", 3),
    ]
    plan = planned(
        settings(unlink_removed_speakers=True),
        rows,
        *entries,
        links={("p1", "s1"): True, ("p1", "s2"): False},
        people={"s1": frozenset(), "s2": frozenset()},
    )
    assert steps(plan) == [("unlink", "p1")]
    assert plan.actions[0].sessions == ("s1", "s2"), "a link that was only begun may be there"


def test_a_link_that_was_begun_is_made_again(settings: MakeSettings) -> None:
    rows = [a_row(Kind.SESSION, "s1"), a_row(Kind.SPEAKER, "p1", sessions=("s1",))]
    entries = [entry(Kind.SESSION, "s1"), entry(Kind.SPEAKER, "p1")]
    assert steps(planned(settings(), rows, *entries, links={("p1", "s1"): False})) == [
        ("link", "p1")
    ]
    assert steps(planned(settings(), rows, *entries, links={("p1", "s1"): True})) == []


def test_a_field_that_was_begun_is_sent_again(settings: MakeSettings) -> None:
    row = a_row(Kind.SESSION, "s1", name="A", description="x")
    plan = planned(settings(), [row], entry(Kind.SESSION, "s1", name="A"))
    assert plan.actions[0].changes == {"description": Change(None, "x")}


def test_a_contact_made_anew_takes_over_the_speaker(settings: MakeSettings) -> None:
    new = a_row(Kind.SPEAKER, "p2", email="a@x.org")
    gone = entry(Kind.SPEAKER, "p1", 9, email="a@x.org")
    theirs = found(9, email="a@x.org")
    plan = planned(settings(), [new], gone, matches={new.key: [theirs]})
    (action,) = plan.actions
    assert (action.verb, action.found, action.replaces) == (Verb.ADOPT, theirs, gone.key)
    assert plan.warnings == [], "it is not left over"


def test_a_lost_create_takes_nothing_from_another_row_that_is_gone(settings: MakeSettings) -> None:
    gone = entry(Kind.SESSION, "s1", 9, name="Lunch")
    lost = (Kind.SESSION, "s2")
    plan = planned(
        settings(),
        [],
        gone,
        intents={lost: Intent({"name": "Lunch"}, NOW - 500)},
        matches={lost: [found(9, name="Lunch")]},
    )
    assert (plan.actions, plan.dead) == ([], [lost])


def test_a_create_that_may_still_arrive_takes_over_from_nobody(settings: MakeSettings) -> None:
    gone = entry(Kind.SESSION, "s1", 9, name="Lunch")
    row = a_row(Kind.SESSION, "s2", name="Lunch")
    seen = {row.key: [found(9, name="Lunch")]}
    young = {row.key: Intent({"name": "Lunch"}, NOW - 5)}
    waiting = planned(settings(), [row], gone, intents=young, matches=seen)
    assert (waiting.actions, [note.code for note in waiting.waiting]) == ([], ["outcome_unknown"])
    old = {row.key: Intent({"name": "Lunch"}, NOW - 500)}
    (action,) = planned(settings(), [row], gone, intents=old, matches=seen).actions
    assert (action.verb, action.replaces) == (Verb.ADOPT, gone.key)


@pytest.mark.parametrize("code", ["speaker_email_masked", "session_over"])
def test_a_record_that_is_only_refused_for_now_is_not_taken_over(
    settings: MakeSettings, code: str
) -> None:
    new = a_row(Kind.SPEAKER, "p2", email="a@x.org")
    refused = entry(Kind.SPEAKER, "p1", 9, email="a@x.org")
    plan = planned(
        settings(),
        [new],
        refused,
        matches={new.key: [found(9, email="a@x.org")]},
        skips=[Note("speaker", "p1", "P1", code, "…")],
    )
    assert steps(plan) == [("create", "p2")]


def test_rows_of_one_natural_key_each_get_the_record_most_like_them(
    settings: MakeSettings,
) -> None:
    rows = [
        a_row(Kind.SESSION, "s1", name="Lunch", capacity=10),
        a_row(Kind.SESSION, "s2", name="Lunch", capacity=20),
    ]
    both = [found(8, name="Lunch", capacity=20), found(9, name="Lunch", capacity=11)]
    plan = planned(settings(), rows, matches={row.key: both for row in rows})
    assert [(a.row.source_id, a.found.swoogo_id) for a in plan.actions if a.found] == [
        ("s1", 9),
        ("s2", 8),
    ]


def test_a_lost_create_that_is_no_longer_wanted_is_found_and_listed(
    settings: MakeSettings,
) -> None:
    key = (Kind.SPONSOR, "x1")
    intent = {key: Intent({"name": "Acme"}, NOW - 500)}
    came = planned(settings(), [], intents=intent, matches={key: [found(9, name="Acme")]})
    assert steps(came) == [("adopt", "x1")]
    never = planned(settings(), [], intents=intent, matches={key: []})
    assert (never.actions, never.dead) == ([], [key])
    young = {key: Intent({"name": "Acme"}, NOW - 5)}
    maybe = planned(settings(), [], intents=young, matches={key: []})
    assert (maybe.dead, [note.code for note in maybe.waiting]) == ([], ["outcome_unknown"])


def failed(kind: Kind, source_id: str, swoogo_id: int | None = 7, **applied: Any) -> Mapped:
    return replace(
        entry(kind, source_id, swoogo_id, **applied), state=State.FAILED, code="x", message="…"
    )


def test_a_failure_is_over_when_nothing_differs_or_nobody_wants_it(settings: MakeSettings) -> None:
    rows = [
        a_row(Kind.SESSION, "back", name="A"),
        a_row(Kind.SESSION, "due", name="B"),
        a_row(Kind.SESSION, "new", name="C"),
        a_row(Kind.SESSION, "twice", name="D"),
    ]
    twice = [found(9, name="D"), found(10, name="D")]
    plan = planned(
        settings(),
        rows,
        failed(Kind.SESSION, "back", name="A"),
        failed(Kind.SESSION, "due", 8, name="A"),
        failed(Kind.SESSION, "new", None),
        failed(Kind.SESSION, "twice", None),
        failed(Kind.SPONSOR, "never-made", None),
        failed(Kind.SPONSOR, "may-be-there", None),
        intents={(Kind.SPONSOR, "may-be-there"): Intent({"name": "Acme"}, NOW)},
        matches={rows[3].key: twice},
    )
    assert plan.settled == [
        (Verb.UPDATE, (Kind.SESSION, "back")),
        (Verb.UPDATE, (Kind.SESSION, "twice")),
        (Verb.UPDATE, (Kind.SPONSOR, "never-made")),
    ]


def test_the_failure_of_an_image_is_over_when_there_is_none(settings: MakeSettings) -> None:
    rows = [
        Row(Kind.SPONSOR, "with", "W", {}, "", Picture("u", "v")),
        Row(Kind.SPONSOR, "without", "W", {}),
    ]
    broken = Uploaded("u", "v", None, "abc", "image_corrupt", "…")
    plan = planned(
        settings(),
        rows,
        *(entry(row.kind, row.source_id, n) for n, row in enumerate(rows)),
        images={row.key: broken for row in rows},
    )
    assert plan.settled == [(Verb.IMAGE, (Kind.SPONSOR, "without"))]
    assert steps(plan) == [("image", "with")]


def test_updates_of_a_session_cost_a_read_unless_its_name_changes(settings: MakeSettings) -> None:
    before = entry(Kind.SESSION, "s1", name="A", capacity=1)
    assert planned(settings(), [a_row(Kind.SESSION, "s1", name="B", capacity=1)], before).cost == 1
    assert planned(settings(), [a_row(Kind.SESSION, "s1", name="A", capacity=2)], before).cost == 2
