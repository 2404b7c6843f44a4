-- $1 owners that have something in hand, $2 for so many ms more
update gitops_change set claimed_until = now() + $2::bigint * interval '1 ms' where owner = any ($1::text[]) and state = 'open'
