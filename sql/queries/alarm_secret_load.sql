-- $1 name
select secret, case when rotated_at > now() - interval '1 day' then secret_old end as secret_old from alarm_secret where name = $1::text
