-- For a batch of log frames alone: the commit of the result behind them flushes what came before.
select set_config('synchronous_commit', 'off', true)
