-- $1 name, $2 instance, $3 version, $4 labels, $5 slots, $6 profile, $7 layers, $8 token
insert into worker (name, instance, version, labels, slots, profile, layers, token_id)
values ($1, $2, $3, $4::text[], $5, $6, $7::jsonb, $8)
on conflict (name) do update set instance = excluded.instance, version = excluded.version, labels = excluded.labels,
	slots = excluded.slots, profile = excluded.profile, layers = excluded.layers, token_id = excluded.token_id,
	state = case worker.state when 'draining' then 'draining' else 'online' end, registered_at = now(), seen_at = now()
returning id
