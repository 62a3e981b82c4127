-- The triangle of WHP job outcomes from the same two Parquet files, by the rules of "What counts" that this extract
-- puts to use: rows as known, corrections, withdrawals, sources that disagree, windows and claims.
WITH known AS (
    SELECT referral_id, event, coalesce(ref, '') AS ref, event_date, recorded_date, coalesce(source, '') AS source,
           action = 'withdraw' IS TRUE AS withdrawn,
           CASE WHEN ref IS NULL AND event = 'review' THEN event_date END AS its_day,
           CASE source WHEN 'hmrc' THEN 0 WHEN 'prap' THEN 1 WHEN 'claim' THEN 2 WHEN 'crm' THEN 3 ELSE 4 END AS rank,
           (rank * 100000 - epoch(recorded_date) // 86400) * 100000 + epoch(event_date) // 86400 AS badness
    FROM read_parquet($events)
    WHERE recorded_date <= $known_at AND event_date <= recorded_date
),
withdrawals AS (SELECT * FROM known WHERE withdrawn),
standing AS (
    SELECT * FROM known WHERE NOT withdrawn AND NOT EXISTS (
        FROM withdrawals AS later
        WHERE later.referral_id = known.referral_id AND later.event = known.event AND later.ref = known.ref
          AND later.its_day IS NOT DISTINCT FROM known.its_day AND later.source = known.source
          AND (later.recorded_date > known.recorded_date
               OR (later.recorded_date = known.recorded_date AND later.event_date = known.event_date))
    )
),
-- Of each event the row of the best source, then the latest recorded, then the earliest date: the three as one number.
held AS (
    SELECT referral_id, event, ref,
           arg_min(event_date, badness) AS event_date,
           min(recorded_date) AS first_recorded
    FROM standing
    GROUP BY referral_id, event, ref, its_day
),
happened AS (SELECT * FROM held WHERE event_date <= $period_end),
journeys AS (
    SELECT referral_id,
           min(event_date) FILTER (event = 'referral') AS referral,
           min(event_date) FILTER (event = 'start') AS start
    FROM happened JOIN read_parquet($participants) USING (referral_id)
    GROUP BY referral_id
    HAVING referral IS NOT NULL AND start IS NOT NULL
),
claims AS (
    SELECT DISTINCT referral_id FROM happened JOIN journeys USING (referral_id)
    WHERE event = 'claim_submitted' AND event_date <= start + 700
),
outcomes AS (
    SELECT referral_id, min(event_date) AS outcome
    FROM happened JOIN journeys USING (referral_id)
    WHERE event_date BETWEEN start AND start + 639
      AND (event = 'job_outcome'
           OR (event = 'self_employed_outcome' AND referral_id IN (SELECT referral_id FROM claims)))
    GROUP BY referral_id
)
SELECT strftime(start, '%Y-%m') AS cohort, datediff('month', start, outcome) AS age, count(*) AS referrals
FROM journeys LEFT JOIN outcomes USING (referral_id)
GROUP BY cohort, age
ORDER BY cohort, age
