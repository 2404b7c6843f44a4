-- $1 artifact
select path, sha256 from artifact where id = $1
