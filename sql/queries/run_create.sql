-- Makes a run with its stages and jobs. $1 repository, $2 pipeline, $3 state, $4 trigger, $5 rerun_of, $6 plan hash (null: none),
-- $7 event, $8 ref, $9 branch, $10 tag, $11 commit, $12 before, $13 title, $14 author, $15 mail addresses of its authors, $16 actor, $17 account,
-- $18 inputs, $19 errors, $20 reason, $21 concurrency group, $22 it cancels,
-- $23 stage names, $24 kinds, $25 environments, $26 job keys, $27 their stages' positions, $28 labels (sorted, with commas),
-- $29 needs full, $30 allow failure, $31 pull request, $32 its head, $33 its base, $34 it comes from a fork,
-- $35 how long artifacts are kept in ms, $36 services of the stages, $37 their alarms (with commas), $38 waves of the jobs (0: none),
-- $39 commits of the jobs ("": the run's), $40 stages' positions of the waves, $41 their numbers, $42 kind of the run, $43 version of the configuration
-- that it was planned by
-- The pull request is held, so that whoever closes it sees this run, or this run sees that it is closed.
with pull as (
	select state from pull_request where repository_id = $1::bigint and number = $31::bigint for share),
numbered as (
	update repository set run_count = run_count + 1 where id = $1::bigint returning run_count),
made as (
	insert into run (repository_id, number, pipeline, state, trigger_id, rerun_of, plan_id, event, ref, branch, tag, commit, before,
		title, author, authors, actor, account_id, inputs, errors, reason, concurrency_group, ended_at, pull_request, head_commit,
		base_commit, is_fork, abandoned, kind, configuration_version)
	select $1::bigint, run_count, $2::text, $3::text, $4::bigint, $5::bigint, plan_of($6::text), $7::text, $8::text,
		$9::text, $10::text, $11::text, $12::text, $13::text, $14::text, $15::text[], $16::text, $17::bigint, $18::jsonb, $19::jsonb,
		$20::text, $21::text, case when $3::text = 'pending' then null else now() end, $31::bigint, $32::text, $33::text, $34::boolean,
		case when $5::bigint is null and (select state <> 'open' from pull)
			then 'pull request #' || $31::bigint || ' was closed before it began' else '' end, $42::text, $43::bigint
	from numbered
	returning id, number),
stages as (
	insert into stage (run_id, position, name, kind, state, environment, service, alarms)
	select made.id, s.position - 1, s.name, s.kind, 'blocked', s.environment, s.service, string_to_array(s.alarms, ',')
	from made, unnest($23::text[], $24::text[], $25::text[], $36::text[], $37::text[])
		with ordinality as s(name, kind, environment, service, alarms, position)
	returning id, position),
waves as (
	insert into wave (stage_id, position, state)
	select stages.id, w.number, 'pending' from unnest($40::bigint[], $41::bigint[]) as w(stage, number)
	join stages on stages.position = w.stage
	order by w.stage, w.number
	returning id, stage_id, position),
jobs as (
	insert into job (run_id, stage_id, position, key, state, label_set_id, needs_full, allow_failure, artifact_keep_ms, wave_id, commit)
	select made.id, stages.id, j.position - 1, j.key, 'blocked', l.id, j.needs_full, j.allow_failure, j.keep_ms, waves.id, j.commit
	from made, unnest($26::text[], $27::bigint[], $28::text[], $29::text[]::boolean[], $30::text[]::boolean[], $35::bigint[],
			$38::bigint[], $39::text[])
		with ordinality as j(key, stage, labels, needs_full, allow_failure, keep_ms, wave, commit, position)
	join stages on stages.position = j.stage
	left join waves on waves.stage_id = stages.id and waves.position = j.wave
	join label_set l on l.labels = string_to_array(j.labels, ',')
	order by j.position
	returning 1),
lanes as (
	insert into lane (kind, key, mode) select 'group', $21::text, 'fifo' where $21::text <> '' and $3::text = 'pending'
	on conflict (kind, key) do update set mode = lane.mode
	returning id),
request as (
	insert into lane_request (lane_id, run_id, cancels) select lanes.id, made.id, $22::boolean from lanes, made returning lane_id)
select made.id, made.number, (select count(*) from jobs) as jobs, coalesce((select lane_id from request), 0) as lane from made
