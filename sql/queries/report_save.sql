-- $1 service, $2 target, $3 the version that it reports ("": unknown), $4 why that is unknown, $5 when it was asked, $6 interval in ms. It
-- differs since the first answer that differed from what is recorded now; an answer that is missing in between changes nothing about that.
with recorded as (
	select l.version_id, v.name from live l join version v on v.id = l.version_id
	where l.service_id = $1::bigint and l.target_id = $2::bigint)
update target_report r set due_at = greatest(now(), $5::timestamptz + $6::bigint * interval '1 ms'), sampled_at = $5::timestamptz,
	version = $3::text, problem = $4::text, recorded_version_id = (select version_id from recorded),
	differs_since = case
		when $3::text = (select name from recorded) then null
		when r.recorded_version_id is not distinct from (select version_id from recorded) and r.differs_since is not null then r.differs_since
		when $3::text = '' then null
		else $5::timestamptz end
where r.service_id = $1::bigint and r.target_id = $2::bigint
