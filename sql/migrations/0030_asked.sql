-- A wave whose bake lacks what it asks for waits for a person: since when, and who said that it is good.
alter table wave add column asked_at timestamptz, add column accepted text not null default '';
