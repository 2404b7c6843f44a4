-- $1 repository: what was inserted is there from now on. Breaks repository_name when somebody else was faster.
update repository set removed_at = null where id = $1
