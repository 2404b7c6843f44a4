-- Every watched repository has its poll.
insert into timer (kind, key, due_at) select 'poll', id::text, now() from repository where removed_at is null
on conflict (kind, key) do nothing
