-- $1 id or name (null: all)
select w.id, w.name, w.state, w.version, w.labels, w.slots, w.profile, w.seen_at as last_seen_at,
	(select count(*) from attempt a where a.worker_id = w.id and a.state <> 'ended') as busy
from worker w where $1::text is null or w.name = $1::text or w.id::text = $1::text order by w.name
