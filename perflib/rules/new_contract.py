"""The parameter file that a new contract begins with: commented, valid once `source:` is right."""

from __future__ import annotations

from perflib.rules.programme import Programme
from perflib.rules.yaml_errors import quoted

TEMPLATE = """\
# Parameters of one contract. What is commented out has no value yet: the reports then say what they cannot show.
# Give every target and profile the document, schedule and table it comes from.
contract: {quoted}
name: {quoted}
programme: {programme}
# provider: Example Provider
# package_area: Example area

# How the provider manages performance: a file in params/management. Its service limits are added to the programme's.
# management: ks

# Whose bank holidays count: ENG, WLS, SCT or NIR.
nation: ENG{assumed}

# Day one of the contract. Without it, the day of the first referral in the extract.
# first_day: 2018-01-15

{source}

# appended: corrections are added as new rows; overwritten: each export replaces the last one.
history: {history}{assumed}

# Which source is believed when two disagree about one event.
source_order: [hmrc, prap, claim, crm]

# Quarters: financial, calendar, contract, or department (ending February, May, August and November).
quarter_basis: financial

# Days after a month's end until its report is made, and within which everything has been recorded.
report_lag: 0
recording_allowance: 130

# The tender's share of each customer group ({groups}).
# mix: {{{mix}}}

# Cumulative outcomes a start by months since the month of start; the last value is the tender level.
# profiles:
#   - group: {first_group}
#     from: 2018-01
#     source: Schedule 2, table 4
#     values: [0, 0, 0.005, 0.02, 0.04, 0.06, 0.08, 0.10, 0.12, 0.14, 0.16, 0.18, 0.20]

# How many of an event were promised in each month.
# volumes:
#   - {{measure: start, from: 2018-01, source: Schedule 2, values: [20, 50, 80, 100, 120]}}

# Changes at which the limits of trends begin afresh.
# changes:
#   - {{month: 2020-04, measures: [referral], reason: mandatory referrals suspended}}

# Counts from 1 to suppress_below - 1 are not shown; counts are rounded to a multiple of round_to. These are cautious
# values of ours, not a rule of the department's: put the rule that binds you, and its source.
disclosure:
  source: default of perflib new
  internal: {{suppress_below: 0, round_to: 1, names: true}}
  external: {{suppress_below: 10, round_to: 5, names: false}}

# From which probability of being missed a level is said to be in danger, how many outcomes it must promise for that,
# and how large the changes of scenarios are.
# early_warning: {{probability: 0.5, least: 5, change: 0.2, source: ours}}

# Official statistics: figures for months up to `through` may be seen outside from the day `on`.
# releases:
#   - {{through: 2020-02, on: 2020-05-28}}
"""

SOURCE = """\
# The folder with participants.csv and events.csv (or .parquet, .xlsx), relative to this file.
# Encoding and the day to which everything is recorded may be stated:
#   source: {{folder: ../../extracts/{contract}, encoding: cp1252, known_to: 2020-09-30}}
source: ../../extracts/{contract}"""

ASSUMED = "  # ? assumed; is it so?"


def new_contract(contract: str, programme: Programme, source: str | None = None, history: str = "appended") -> str:
    """Write a commented parameter file for a contract of a programme.

    Parameters
    ----------
    contract : str
    programme : Programme
    source : str, optional
        The lines of `source:`, where an extract was looked at.
    history : {'appended', 'overwritten'}
    """
    groups = list(programme.attributes[programme.group].codes)
    share = round(1 / max(len(groups), 1), 2)
    rest = round(1 - share * (len(groups) - 1), 2)
    mix = ", ".join(f"{group}: {rest if place == 0 else share}" for place, group in enumerate(groups))
    return TEMPLATE.format(
        contract=contract,
        quoted=quoted(contract),
        source=source or SOURCE.format(contract=contract),
        history=history,
        assumed=ASSUMED if source else "",
        programme=programme.programme,
        groups=", ".join(groups),
        mix=mix,
        first_group=groups[0] if groups else "null",
    )
