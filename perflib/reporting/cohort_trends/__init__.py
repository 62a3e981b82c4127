"""The trend report: flows, cohorts against profile, milestones, equality and trends."""
