-- Lanes that may have something to grant: somebody waits.
select distinct lane_id from lane_request where state = 'waiting'
