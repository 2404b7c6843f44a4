-- $1 name, $2 sealed hook secret
update repository set hook_secret_old = hook_secret, hook_secret = $2, hook_secret_rotated_at = now()
where name = $1 and removed_at is null returning id
