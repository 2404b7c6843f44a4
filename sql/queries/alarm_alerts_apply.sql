-- $1 fingerprints that fire, $2 labels of each as JSON, $3 fingerprints that do not any more.
with gone as (
	delete from alarm_alert where fingerprint = any($3::text[]) and fingerprint <> all($1::text[]))
insert into alarm_alert (fingerprint, labels)
select distinct on (f.fingerprint) f.fingerprint, f.labels::jsonb from unnest($1::text[], $2::text[]) as f(fingerprint, labels)
on conflict (fingerprint) do update set labels = excluded.labels, seen_at = now()
