-- $1 name. The old secret is good for a day after a rotation.
select id, forge, hook_secret, case when hook_secret_rotated_at > now() - interval '1 day' then hook_secret_old end as hook_secret_old
from repository where name = $1 and removed_at is null
