-- Which login on which forge is which account.
select a.name as account, l.forge, l.login from account_login l join account a on a.id = l.account_id order by a.name, l.forge, l.login
