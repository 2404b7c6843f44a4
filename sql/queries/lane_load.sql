-- $1 lane
select id, version, epoch, mode = 'newest' as is_newest from lane where id = $1
