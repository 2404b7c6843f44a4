-- $1 again in ms, $2 at most so many of each. One coordinator, whatever their number: sessions that are over, tokens that are over for a
-- month (until then their name tells whose calls are refused), tries to log in that count no more,
-- how commits are related and who wrote them, which is found again where it is still asked for.
with picked as (
	select kind, key from timer where kind = 'tidy' and due_at <= now() for update skip locked),
due as (
	update timer t set due_at = now() + $1::bigint * interval '1 ms' from picked p where t.kind = p.kind and t.key = p.key returning 1),
tokens as (
	delete from token where id in (
		select t.id from token t, due where t.expires_at < now() - case t.kind when 'session' then interval '0' else interval '30 days' end
		order by t.expires_at limit $2::bigint for update of t skip locked)
	returning 1),
tries as (
	delete from login_try where key in (
		select l.key from login_try l, due where l.calm_at < now() limit $2::bigint for update of l skip locked)
	returning 1),
relations as (
	delete from commit_relation where ctid in (
		select c.ctid from commit_relation c, due where c.found_at < now() - interval '30 days' limit $2::bigint)
	returning 1),
authors as (
	delete from commit_authors where ctid in (
		select c.ctid from commit_authors c, due where c.found_at < now() - interval '30 days' limit $2::bigint)
	returning 1)
select (select count(*) from tokens) as tokens, (select count(*) from tries) as tries,
	(select count(*) from relations) + (select count(*) from authors) as relations
