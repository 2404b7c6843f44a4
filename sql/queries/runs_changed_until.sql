-- As runs_changed.sql, which stands before it in its batch: where that was cut off; no row: it was not. What commits in between can only
-- make this earlier, so that a run comes twice and none is missed.
select changed::text as until, id from run_summary
where (changed, id) > ($1::text::xid8, $2::bigint) and number > 0
	and ($3::text is null or repository_id = (select id from repository where name = $3::text order by removed_at nulls first limit 1))
order by changed, id offset 999 limit 1
