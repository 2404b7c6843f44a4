-- $1 at most so many. Repositories whose schedules are to be read again: with their default branch and its commit ("": it is not there).
with picked as (
	select id from repository where schedules_look_at <= now() and removed_at is null order by schedules_look_at limit $1::bigint
	for update skip locked)
update repository r set schedules_look_at = now() + interval '15 s' from picked where r.id = picked.id
returning r.id, coalesce((select f.commit from repository_ref f where f.repository_id = r.id and f.name = 'refs/heads/' || r.default_branch), '')
	as commit, now() as now
