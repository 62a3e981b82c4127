"""How names are compared: ours, the programme's and those of an extract that nobody has described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "referral_id": ("prap ref", "prap", "referral ref", "referral reference", "referral number", "case ref", "case id"),
    "participant_id": (
        "participant ref",
        "person id",
        "customer id",
        "customer ref",
        "client id",
        "client ref",
        "nino",
    ),
    "event": ("type", "event type", "activity", "milestone", "status"),
    "event_date": ("date", "happened", "activity date", "milestone date", "effective date"),
    "recorded_date": ("recorded", "keyed", "entered", "input", "logged", "created", "date added"),
    "customer_group": ("eligibility group", "group", "claimant group", "client group", "eligibility"),
    "devolution_area": ("devolution area", "devolved area", "area"),
    "subcontractor": ("delivery partner", "partner", "supplier", "provider"),
    "centre": ("office", "site", "location", "hub"),
    "caseworker": ("adviser", "advisor", "key worker", "coach", "consultant"),
    "age": ("age at start", "age at referral"),
    "sex": ("gender",),
    "ethnicity": ("ethnic origin", "ethnic background"),
    "disability": ("disabled", "has disability"),
    "referral": ("referred", "prap referral"),
    "acknowledged": ("ack", "acknowledgement", "referral acknowledged"),
    "assessment": ("initial assessment", "assessed"),
    "start": ("started", "programme start", "joined", "attached"),
    "did_not_attend": ("dna", "fta", "failed to attend", "no show"),
    "did_not_start": ("dns", "declined", "not started"),
    "action_plan_agreed": ("action plan", "ap agreed"),
    "support_plan_agreed": ("support plan", "isp agreed"),
    "job_start": ("job started", "work start", "employment start", "into work"),
    "job_end": ("job ended", "work end", "employment end", "left work"),
    "first_earnings": ("first pay",),
    "earnings_1000": ("1000 milestone", "1000"),
    "earnings_2000": ("2000 milestone", "2000"),
    "job_outcome": ("outcome", "employed outcome"),
    "self_employed_outcome": ("se outcome", "self employment outcome"),
    "short_outcome": ("short job outcome",),
    "sustained_outcome": ("sustained job outcome", "sustainment"),
    "claim_submitted": ("claim", "claimed"),
    "claim_paid": ("paid",),
    "claim_rejected": ("rejected",),
    "course_start": ("course started", "course day 1"),
    "course_complete": ("course completed", "completion"),
    "exit": ("leave", "left", "leaver", "programme end", "end"),
}
"""What else extracts call our columns and events."""

RECORDED = {"recorded", "keyed", "entered", "input", "logged", "created", "reported"}
"""Words by which the recorded date of an event is told from the event's own."""

PASSED_OVER = {"date", "dt", "of", "on", "the", "at", "day"}
"""Words that say nothing of which event it is."""

SAME, ALIKE, CONTAINED = 1.0, 0.95, 0.75
"""How well two names agree: letter for letter, but for the order of words, one within the other."""

LIKELY = 0.7
"""Names (or shares of contents) that agree less are no guess."""


def words(name: object) -> tuple[str, ...]:
    """Return the words of a name as names are compared.

    >>> words("£1,000 MilestonesRecorded")
    ('1000', 'milestone', 'recorded')
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", str(name))
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.casefold())
    return tuple(word.removesuffix("s") if len(word) > 3 else word for word in re.findall(r"[^\W\d_]+|\d+", text))


def alike(one: Sequence[str], other: Sequence[str]) -> float:
    """Return how well the words of two names agree, from 0 to 1.

    >>> alike(words("Date of start"), words("start date")), alike(words("Outcome"), words("Job outcome"))
    (0.75, 0.75)
    """
    if not one or not other:
        return 0.0
    if tuple(one) == tuple(other):
        return SAME
    if set(one) == set(other):
        return ALIKE
    if set(one) <= set(other) or set(other) <= set(one):
        return CONTAINED
    ratio = SequenceMatcher(None, " ".join(one), " ".join(other)).ratio()
    return ratio if ratio >= 0.8 else 0.0


def names_of(ours: str, *others: str) -> list[tuple[str, ...]]:
    """Return the words of a name of ours, of other names for it, and of its synonyms."""
    return [words(name) for name in (ours, *others, *SYNONYMS.get(ours, ()))]


def best(header: Sequence[str], names: Iterable[Sequence[str]]) -> float:
    """Return how well a header agrees with the name that is most like it."""
    return max((alike(header, name) for name in names), default=0.0)
