-- $1 labels as JSON. How many alerts that have all of these fire, and what the first is. Alertmanager repeats what fires; what it has not
-- named for a day it has forgotten.
select count(*) as firing, coalesce((array_agg(labels::text order by since, fingerprint))[1], '{}') as labels
from alarm_alert where labels @> $1::jsonb and seen_at > now() - interval '1 day'
