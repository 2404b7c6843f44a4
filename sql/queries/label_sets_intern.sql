-- $1 labels (sorted, with commas)
insert into label_set (labels) select distinct string_to_array(l, ',') from unnest($1::text[]) as l
on conflict (labels) do nothing
