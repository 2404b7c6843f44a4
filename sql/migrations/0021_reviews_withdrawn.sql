-- A review that was dismissed or taken back on the forge counts no more where its gate is still open.
alter table pull_review add column withdrawn_at timestamptz;
create index pull_review_withdrawn on pull_review (repository_id, number) where withdrawn_at is not null;
