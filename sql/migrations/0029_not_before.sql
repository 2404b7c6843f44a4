-- Who approves may say that the stage begins no earlier than this.
alter table decision add column not_before timestamptz;
