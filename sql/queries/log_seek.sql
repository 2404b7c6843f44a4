-- $1 job, $2 attempt, $3 line ends before the wanted line. Where the frame with the last of them begins, and how many come before it.
select log_offset, first_line from log_frame
where job_id = $1 and attempt = $2 and first_line + lines >= $3 order by log_offset limit 1
