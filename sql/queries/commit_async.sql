-- For a batch of what its worker says again when it was lost: the commit of the result behind them flushes what came before.
select set_config('synchronous_commit', 'off', true)
