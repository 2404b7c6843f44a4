-- $1 accounts, $2 repositories that the document names: a sentence for each that there is not
select 'there is no account "' || n || '"; it will be in its groups when it is added' as warning
from unnest($1::text[]) n where not exists (select from account a where a.name = n)
union all
select 'there is no repository "' || n || '"; what needs it waits until it is added'
from unnest($2::text[]) n where not exists (select from repository r where r.name = n and r.removed_at is null)
order by 1
