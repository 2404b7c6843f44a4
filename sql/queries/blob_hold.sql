-- $1 sha256. A blob that somebody is told of stays for a while. No row: it is not here, or about to go.
update blob set touched_at = now() where sha256 = $1 and not is_doomed returning 1
