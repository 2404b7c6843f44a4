-- $1 key of a name from an address: its password was right
delete from login_try where key = $1
