-- $1 ms of silence after which a worker counts as offline
update worker set state = 'offline' where state = 'online' and seen_at < now() - $1::bigint * interval '1 ms'
