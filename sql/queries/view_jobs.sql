-- $1 run, $2 since ("": all). What pages show of jobs besides what the engine knows.
select j.id, coalesce(w.name, '') as worker, l.labels, coalesce(a.steps, '{}') as steps,
	j.state = 'queued' and not exists (select 1 from worker o where o.state = 'online' and o.labels @> l.labels
		and (not j.needs_full or o.profile = 'full')) as is_stranded
from job j join label_set l on l.id = j.label_set_id left join worker w on w.id = j.worker_id
	left join attempt a on a.job_id = j.id and a.number = j.attempt
where j.run_id = $1::bigint and ($2::text = '' or j.changed >= nullif($2::text, '')::xid8)
order by j.position
