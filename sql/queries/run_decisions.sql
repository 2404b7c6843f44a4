-- $1 run
select d.gate_id, d.account_id, a.name as account, d.verdict, d.comment, d.groups, d.decided_at, d.not_before
from decision d join gate g on g.id = d.gate_id join account a on a.id = d.account_id
where g.run_id = $1 order by d.id
