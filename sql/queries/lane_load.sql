-- $1 lane
select l.id, l.version, l.epoch, l.mode = 'newest' as is_newest,
	l.kind = 'environment' and exists (select from trigger t where t.event = 'rollback' and t.state = 'pending'
		and t.inputs->>'service' || '@' || (t.inputs->>'environment') = l.key) as is_reserved
from lane l where l.id = $1
