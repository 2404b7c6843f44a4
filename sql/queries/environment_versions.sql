-- environments, and what whatever opens or closes one bumps
select name as environment, version from environment where removed_at is null order by name
