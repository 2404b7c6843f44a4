-- stops of the line that nobody has lifted, oldest first
select b.id, b.service, b.environment, b.reason, coalesce(a.name, '') as placed_by, b.placed_at
from blocker b left join account a on a.id = b.placed_by where b.lifted_at is null order by b.id
