-- A gate whose approval is too old is asked again: the old decision stays beside the new question.
drop index gate_open;
create unique index gate_open on gate (stage_id) where state = 'open';
