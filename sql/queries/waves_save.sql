-- $1 [{id, was, state, held, started_at, baking_since, bake_until, ended_at, asked_at, accepted}], times in microseconds (0: none). Who watches the run sees
-- waves with their stage, so the stage counts as changed.
with wanted as (
	select * from jsonb_to_recordset($1::jsonb)
		as w(id bigint, was text, state text, held text, started_at bigint, baking_since bigint, bake_until bigint, ended_at bigint,
			asked_at bigint, accepted text)),
saved as (
	update wave x set state = w.state, held = w.held, started_at = at_us(w.started_at), baking_since = at_us(w.baking_since),
		bake_until = at_us(w.bake_until), ended_at = at_us(w.ended_at), asked_at = at_us(w.asked_at), accepted = w.accepted
	from wanted w where x.id = w.id and x.state = w.was
	returning x.stage_id),
shown as (
	update stage s set changed = pg_current_xact_id() where s.id in (select stage_id from saved))
select expect_rows((select count(*) from saved), (select count(*) from wanted), 'wave')
